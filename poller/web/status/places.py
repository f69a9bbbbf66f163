"""Targets' names, as short as still tells them apart."""

from collections.abc import Iterable
from typing import Final

from poller.web.status.markup import Markup, outside
from poller.web.status.record import Located

_PARTS: Final = ("project_id", "region", "city_id", "product_type")


class Places:
    """Names targets by the parts in which they differ. False where there is nothing to tell apart."""

    def __init__(self, parts: Iterable[str]) -> None:
        self._parts = tuple(parts)

    def __bool__(self) -> bool:
        return bool(self._parts)

    def name(self, located: Located) -> Markup:
        """Name a target; what the configuration leaves to the API is left out."""
        parts = (getattr(located, part) for part in self._parts)
        return outside(" · ".join(part for part in parts if part) or "default")

    def cells(self, located: Located) -> list[Markup]:
        """Return the cell that names a target, if there is to be one."""
        return [self.name(located)] if self else []


WHOLE: Final = Places(_PARTS)
"""Names targets by all that they are."""


def telling_apart(located: Iterable[Located]) -> Places:
    """Name targets by what differs among these."""
    seen = list(located)
    return Places(part for part in _PARTS if len({getattr(each, part) for each in seen}) > 1)
