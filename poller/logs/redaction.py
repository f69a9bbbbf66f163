"""Secrets out of text, in whatever form they got into it."""

import re
from collections.abc import Callable, Collection
from typing import Final, NamedTuple

REDACTED: Final = "[redacted]"

_REMEMBERED = 16
"""Former secrets that are still redacted: an hourly token must not make every line slower for ever."""

_LETTERS = {"\b": "b", "\t": "t", "\n": "n", "\f": "f", "\r": "r"}
"""The letters by which JSON and Python escape what has no form of its own."""


class Redaction:
    """Replaces the secrets of the moment, longest first: bare, URL-encoded, or escaped as JSON or Python writes them.

    ``secrets`` is asked at every text, so that a rotated key is covered from its first use on. What was a secret lately
    is one still: a traceback may come late.
    """

    def __init__(self, secrets: Callable[[], Collection[str]]) -> None:
        self._secrets = secrets
        # One attribute, since several threads log: the pattern is never older than what it is said to cover.
        self._covered = _Covered((), None)

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        covered = self._covered
        current = [secret for secret in self._secrets() if secret]
        if any(secret not in covered.secrets for secret in current):
            covered = self._covered = _cover(current, covered.secrets)
        return text if covered.pattern is None else covered.pattern.sub(REDACTED, text)


class _Covered(NamedTuple):
    secrets: tuple[str, ...]
    pattern: re.Pattern[str] | None


def _cover(current: list[str], former: tuple[str, ...]) -> _Covered:
    secrets = (*current, *(secret for secret in former if secret not in current))[: len(current) + _REMEMBERED]
    longest_first = sorted(secrets, key=len, reverse=True)
    return _Covered(secrets, re.compile("|".join("".join(map(_forms, secret)) for secret in longest_first)))


def _forms(character: str) -> str:
    """Match a character in every form in which it may stand; letters and digits have but one."""
    if character.isascii() and character.isalnum():
        return character
    # Repeats are for texts escaped more than once; bounded, since a text full of backslashes would take quadratic time.
    bare = re.escape(character)
    percent = "".join(f"%(?:25){{0,3}}(?i:{byte:02x})" for byte in character.encode(errors="surrogatepass"))
    json = "".join(rf"\\{{1,8}}u(?i:{unit:04x})" for unit in _utf16(character))
    python = rf"\\{{1,8}}[xU](?i:0{{0,6}}{ord(character):x})"
    letter = rf"|\\{{1,8}}{_LETTERS[character]}" if character in _LETTERS else ""
    plus = r"|\+" if character == " " else ""
    return rf"(?:{percent}|{json}|{python}{letter}{plus}|\\{{0,8}}{bare})"


def _utf16(character: str) -> list[int]:
    units = character.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(units[index : index + 2], "big") for index in range(0, len(units), 2)]
