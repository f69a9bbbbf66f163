"""The credentials in force, and what must never be printed."""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from poller.credentials.files import Stamp, stamp
from poller.errors import ConfigError
from poller.signature import Credentials

_READINGS: Final = 3
_REMEMBERED: Final = 16


class CredentialSource:
    """The credentials in force, reread from their files when these change.

    A change that cannot be used (a file vanished, is empty, or half written) leaves the last good ones in force, and
    ``take_problem`` tells of it. Asking costs a ``stat`` a file, so that it can be done before every request.
    """

    def __init__(self, read: Callable[[], Credentials], files: tuple[Path, ...] = ()) -> None:
        self._read = read
        self._files = files
        self._problem: str | None = None
        self._recent: deque[Credentials] = deque(maxlen=_REMEMBERED)
        self._stamps: tuple[Stamp, ...] = ()
        self._reread()

    def __repr__(self) -> str:
        return "CredentialSource(…)"

    def current(self) -> Credentials:
        """Return the credentials to sign with: the same object until they change."""
        if self._stamps_now() != self._stamps:
            try:
                self._reread()
                self._problem = None
            except ConfigError as error:
                self._problem = str(error)
        return self._recent[-1]

    def take_problem(self) -> str | None:
        """Return why the last change could not be used, in one line; once for each change."""
        problem, self._problem = self._problem, None
        return problem

    def secrets(self) -> frozenset[str]:
        """Return what must never be printed: the keys and tokens in force, and some before them."""
        recent = tuple(self._recent)  # asked for by whatever thread logs
        parts = (part for each in recent for part in (each.public_key, each.private_key, each.security_token))
        return frozenset(part for part in parts if part)

    def _reread(self) -> None:
        # Files may be swapped while they are read, and a pair half old, half new would be refused by the API.
        credentials = self._read_stamped()
        for _ in range(_READINGS - 1):
            if self._stamps_now() == self._stamps:
                break
            credentials = self._read_stamped()
        if not self._recent or self._recent[-1] != credentials:
            self._recent.append(credentials)

    def _read_stamped(self) -> Credentials:
        self._stamps = self._stamps_now()
        return self._read()

    def _stamps_now(self) -> tuple[Stamp, ...]:
        return tuple(stamp(file) for file in self._files)
