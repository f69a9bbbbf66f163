"""No form of a secret gets through."""

import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.logs.redaction import REDACTED, Redaction

SECRETS = st.text(min_size=1, max_size=12) | st.text('aZ0"\\/+=%& \n\té\U0001f600\ud800', min_size=1, max_size=8)

FORMS: dict[str, Callable[[str], str]] = {
    "bare": str,
    "json": lambda secret: json.dumps(secret)[1:-1],
    "json in unicode": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "json in json": lambda secret: json.dumps(json.dumps(secret)[1:-1])[1:-1],
    "python": lambda secret: repr(secret)[1:-1],
    "bytes": lambda secret: ascii(secret)[1:-1],
    "path": lambda secret: quote(secret, errors="surrogatepass"),
    "query": lambda secret: quote(secret, safe="", errors="surrogatepass"),
    "form": lambda secret: quote_plus(secret, errors="surrogatepass"),
    "lower case": lambda secret: quote(secret, safe="", errors="surrogatepass").replace("%2F", "%2f"),
    "twice": lambda secret: quote(quote(secret, safe="", errors="surrogatepass"), safe=""),
}


@pytest.mark.parametrize("form", FORMS)
@given(secret=SECRETS)
def test_every_form_of_a_secret_is_redacted(form: str, secret: str) -> None:
    """Whatever characters it is of, and however it was encoded on its way."""
    assert Redaction(lambda: [secret])(FORMS[form](secret)) == REDACTED


def test_a_query_is_readable_but_for_its_secrets() -> None:
    """Only they are replaced."""
    redact = Redaction(lambda: ["pub@lic", "tok/en=="])
    query = urlencode({"Action": "DescribeUPhoneJob", "PublicKey": "pub@lic", "SecurityToken": "tok/en=="})
    assert redact(query) == f"Action=DescribeUPhoneJob&PublicKey={REDACTED}&SecurityToken={REDACTED}"


def test_the_longest_secret_is_redacted_first() -> None:
    """Else the rest of it would stay."""
    assert Redaction(lambda: ["key", "key-and-more"])("a key-and-more b key") == f"a {REDACTED} b {REDACTED}"


def test_a_secret_is_covered_from_its_rotation_on_and_the_old_one_still() -> None:
    """A traceback may come late."""
    secrets = ["old"]
    redact = Redaction(lambda: secrets)
    assert redact("old new") == f"{REDACTED} new"
    secrets[:] = ["new"]
    assert redact("old new") == f"{REDACTED} {REDACTED}"


def test_secrets_of_long_ago_are_forgotten() -> None:
    """A token that changes every hour must not make every line slower for ever."""
    secrets = [""]
    redact = Redaction(lambda: secrets)
    for hour in range(40):
        secrets[:] = [f"token-{hour:02}"]
        redact("")
    assert redact("token-39 token-23 token-22") == f"{REDACTED} {REDACTED} token-22"


def test_an_empty_secret_is_none() -> None:
    """An unset token is everywhere."""
    assert Redaction(lambda: [""])("text") == "text"


def test_a_text_full_of_backslashes_takes_no_quadratic_time() -> None:
    """Texts come from outside; in quadratic time this one would take minutes."""
    text = "\\" * 300_000
    assert Redaction(lambda: ['"secret'])(text) == text
