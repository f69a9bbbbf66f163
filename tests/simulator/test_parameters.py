"""What clients send, flattened: query string, form and JSON."""

import pytest

from poller.simulator.parameters import decode

FORM = "application/x-www-form-urlencoded"


def test_query() -> None:
    """A GET has its parameters in the query string."""
    assert decode("Action=A&JobIds.0=a%20b", "", b"") == {"Action": "A", "JobIds.0": "a b"}


def test_form() -> None:
    """A form keeps empty values, which the signature covers."""
    assert decode("", FORM, "Name=杭州+1&Empty=".encode()) == {"Name": "杭州 1", "Empty": ""}


def test_body_goes_before_query() -> None:
    """What is said twice counts as the body says it."""
    assert decode("A=1&B=2", FORM, b"A=3") == {"A": "3", "B": "2"}


def test_json() -> None:
    """JSON is flattened and its values written as the signature wants them."""
    body = b'{"Limit": 100, "Half": 0.5, "Whole": 3.0, "Yes": true, "Not": null, "JobIds": ["a", "b"], "A": [{"B": 1}]}'
    assert decode("", "application/json; charset=utf-8", body) == {
        "Limit": "100",
        "Half": "0.5",
        "Whole": "3",
        "Yes": "true",
        "JobIds.0": "a",
        "JobIds.1": "b",
        "A.0.B": "1",
    }


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"[1]", "not an object"),
        (b"{", "Expecting"),
        (b"\xff", "decode"),
        (b'{"A": "\\ud800"}', "surrogates"),
        (b'{"\\ud800": 1}', "surrogates"),
    ],
)
def test_bad_json(body: bytes, why: str) -> None:
    """A body that is no JSON object, or not Unicode, is refused."""
    with pytest.raises(ValueError, match=why):
        decode("", "application/json", body)


def test_bad_form() -> None:
    """A form in another encoding is refused."""
    with pytest.raises(ValueError, match="decode"):
        decode("", FORM, "Name=é".encode("latin-1"))
