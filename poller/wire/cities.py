"""``DescribeUPhoneCities``: which cities there are. It has no pages, and documents no order."""

from typing import Final

from msgspec import Struct

from poller.models import MAX_CITIES, Target
from poller.signature import Credentials
from poller.wire.envelope import Reply, check_status, malformed, rows_of, salvage, usable_id
from poller.wire.forms import signed

CITIES_ACTION: Final = "DescribeUPhoneCities"

MAX_CITY_ID_BYTES: Final = 128
_MAX_BODY: Final = 1024 * 1024


class Cities(Struct, frozen=True):
    """One answer: different ids in the order of the rows, and how many rows could not be read."""

    ids: tuple[str, ...]
    skipped: int = 0


def cities_form(target: Target, credentials: Credentials) -> bytes:
    """Write the signed body of a form POST that asks for the cities of a target's project and product type."""
    return signed({"Action": CITIES_ACTION}, target, credentials)


def read_cities(reply: Reply) -> Cities:
    """Read an answer of ``DescribeUPhoneCities``, or raise the `ApiError` that names its remedy."""
    check_status(reply)
    if len(reply.body) > _MAX_BODY:
        raise malformed(reply, "too much for a list of cities")
    rows = rows_of(salvage(reply), "UPhoneCities", reply)
    if len(rows) > MAX_CITIES:
        raise malformed(reply, f"{len(rows)} rows are too many for a list of cities")
    found = [city_id for city_id in map(_city_id, rows) if city_id is not None]
    return Cities(tuple(dict.fromkeys(found)), skipped=len(rows) - len(found))


def _city_id(row: object) -> str | None:
    """Return the id of a row; None where a request or a label could not carry it."""
    city_id = row.get("CityId") if isinstance(row, dict) else None
    if not isinstance(city_id, str) or not usable_id(city_id, most=MAX_CITY_ID_BYTES):
        return None
    return city_id if city_id.isprintable() and " " not in city_id else None
