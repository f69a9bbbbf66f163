"""Which cities an answer of ``DescribeUPhoneCities`` lists."""

import json
from urllib.parse import parse_qsl

import pytest

from poller.errors import FixPermission, Malformed, RetryLater
from poller.models import ALL_CITIES, MAX_CITIES, Target
from poller.signature import Credentials, sign
from poller.wire import Cities, Reply, cities_form, read_cities

KEYS = Credentials("public", "private", "token")


def read(document: object) -> Cities:
    """Read an answer of this JSON."""
    return read_cities(Reply(200, json.dumps(document).encode()))


def listed(*rows: object) -> Cities:
    """Read an answer with these rows."""
    return read({"RetCode": 0, "UPhoneCities": rows})


def test_the_request_has_the_project_and_the_product_type() -> None:
    """And no city, since all are asked for."""
    form = cities_form(Target("uphone", "org-x", "cn-zj", ALL_CITIES, ("INSTALL_APP",)), KEYS)
    params = dict(parse_qsl(form.decode("ascii"), strict_parsing=True))
    signature = params.pop("Signature")
    assert params == {
        "Action": "DescribeUPhoneCities",
        "PublicKey": "public",
        "ProductType": "uphone",
        "ProjectId": "org-x",
        "Region": "cn-zj",
        "SecurityToken": "token",
    }
    assert signature == sign(params, "private")


def test_ids_come_in_the_order_of_the_rows_and_once() -> None:
    """Whatever else is in a row."""
    rows = [{"CityId": "b", "CityName": 1}, {"CityId": "a"}, {"CityId": "b"}]
    assert listed(*rows) == Cities(("b", "a"))


@pytest.mark.parametrize(
    "row",
    [
        None,
        "a",
        [],
        {},
        {"CityId": None},
        {"CityId": 1},
        {"CityId": ""},
        {"CityId": "a b"},
        {"CityId": "a\n"},
        {"CityId": "a" * 129},
        {"CityId": "\ud800"},
    ],
)
def test_a_bad_row_is_skipped_and_counted(row: object) -> None:
    """It costs itself alone."""
    assert listed({"CityId": "a"}, row) == Cities(("a",), skipped=1)


@pytest.mark.parametrize("rows", [{}, {"UPhoneCities": None}, {"UPhoneCities": []}])
def test_an_answer_without_cities_is_an_answer(rows: dict[str, object]) -> None:
    """An empty list may be missing or null."""
    assert read({"RetCode": "0", **rows}) == Cities(())


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"UPhoneCities": []},
        {"RetCode": 0, "UPhoneCities": "a"},
        {"RetCode": 0, "UPhoneCities": [{"CityId": str(number)} for number in range(MAX_CITIES + 1)]},
        {"RetCode": 0, "UPhoneCities": [], "Padding": "x" * 1024 * 1024},
    ],
)
def test_what_is_no_list_of_cities_is_malformed(document: object) -> None:
    """Nor is one that has no end."""
    with pytest.raises(Malformed):
        read(document)


def test_codes_have_their_remedies() -> None:
    """As they have for jobs."""
    with pytest.raises(FixPermission, match="DescribeUPhoneCities"):
        read({"RetCode": 299})
    with pytest.raises(RetryLater):
        read_cities(Reply(503, b""))
