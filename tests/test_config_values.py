"""What one setting's text means, and what the errors say to write instead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.config import Listen, duration
from poller.config import values as v


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10.0),
        ("1h30m", 5400.0),
        ("1.5s", 1.5),
        ("100ms", 0.1),
        ("1m500ms", 60.5),
        ("2d", 172_800.0),
        ("365d", 31_536_000.0),
        ("0s", 0.0),
    ],
)
def test_duration_is_read_as_seconds(text: str, seconds: float) -> None:
    """Units combine, and fractions are allowed."""
    assert duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("10", "'10' has no unit: write 10s"),
        ("0", "'0' has no unit: write 0s"),
        ("1.5", "write 1.5s"),
        ("10S", "is not a duration: write one such as 10s"),
        ("1h30", "is not a duration"),
        ("-5s", "is not a duration"),
        ("5 s", "is not a duration"),
        ("٣s", "is not a duration"),
        ("s", "is not a duration"),
        ("366d", "is too long: write 365d or less"),
        ("9" * 400 + "d", "is too long"),
    ],
)
def test_what_is_no_duration_says_what_to_write(text: str, words: str) -> None:
    """A bare number is an error that names the unit."""
    with pytest.raises(v.Unacceptable) as caught:
        duration(text)
    assert words in str(caught.value)


@given(st.integers(0, 10**9))
def test_whole_milliseconds_are_exact(milliseconds: int) -> None:
    """A duration in milliseconds is the nearest float, whatever its units."""
    assert duration(f"{milliseconds}ms") == milliseconds / 1000


def test_interval_cannot_be_zero() -> None:
    """A duration that must be above zero says so."""
    assert v.positive_duration("1ms") == 0.001
    with pytest.raises(v.Unacceptable, match="'0ms' is no time at all: write a duration above zero"):
        v.positive_duration("0ms")


@pytest.mark.parametrize(("text", "number"), [("20", 20.0), ("0.5", 0.5), (".5", 0.5)])
def test_number(text: str, number: float) -> None:
    """A rate may be a fraction."""
    assert v.positive_number(text) == number


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "1e3", "65s", "1_0", "", "9" * 400])
def test_what_is_no_number_says_what_to_write(text: str) -> None:
    """Zero, signs, exponents, units and infinities are refused."""
    with pytest.raises(v.Unacceptable, match="is not a number above zero: write digits without a unit"):
        v.positive_number(text)


def test_integer() -> None:
    """A count is a whole number."""
    assert v.positive_integer("8") == 8


@pytest.mark.parametrize("text", ["0", "1.0", "-1", "eight", "9" * 5000, "8\n"])
def test_what_is_no_integer_says_what_to_write(text: str) -> None:
    """Zero, fractions and thousands of digits are refused."""
    with pytest.raises(v.Unacceptable, match="is not a whole number above zero: write one such as 8"):
        v.positive_integer(text)


@pytest.mark.parametrize("text", ["on", "true", "yes", "1", "ON", "True"])
def test_true(text: str) -> None:
    """Four words, in any case, mean on."""
    assert v.boolean(text) is True


@pytest.mark.parametrize("text", ["off", "false", "no", "0", "OFF", "False"])
def test_false(text: str) -> None:
    """Four words, in any case, mean off."""
    assert v.boolean(text) is False


def test_what_is_no_boolean_says_what_to_write() -> None:
    """Other words are refused."""
    with pytest.raises(v.Unacceptable, match="'maybe' is neither on nor off: write one of these"):
        v.boolean("maybe")


def test_name_is_one_word() -> None:
    """A blank within an identifier is a slip."""
    assert v.name("org-x") == "org-x"
    for text in ("org x", "org\tx", "org\x00x"):
        with pytest.raises(v.Unacceptable, match="contains a blank or control character"):
            v.name(text)


@pytest.mark.parametrize(
    ("text", "items"),
    [("a", ("a",)), ("a,b", ("a", "b")), (" b , a ,", ("b", "a"))],
)
def test_names_are_separated_by_commas(text: str, items: tuple[str, ...]) -> None:
    """Order stays; blanks around items and empty ones don't count."""
    assert v.names(text) == items


def test_names_need_commas_and_one_name() -> None:
    """Blanks are no separators, and a list of nothing is refused."""
    with pytest.raises(v.Unacceptable, match="'a b' contains a blank or control character: separate names with commas"):
        v.names("a b,c")
    with pytest.raises(v.Unacceptable, match="names nothing: write names separated by commas"):
        v.names(" , ")


def test_path_has_no_control_characters() -> None:
    """A path may hold blanks, and nothing that breaks a log line or a system call."""
    assert v.path("/var/log/my events.jsonl") == "/var/log/my events.jsonl"
    with pytest.raises(v.Unacceptable, match="contains a control character: write a path without"):
        v.path("/var/log\x00")


def test_choice_lists_the_words() -> None:
    """An unknown word brings the list of known ones."""
    parse = v.choice("auto", "json", "console")
    assert parse("JSON") == "json"
    with pytest.raises(v.Unacceptable, match="'xml' is unknown: write auto, json or console"):
        parse("xml")


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        (":10766", Listen(None, 10766)),
        ("0.0.0.0:10766", Listen("0.0.0.0", 10766)),  # noqa: S104 (parsed, not bound)
        ("[::1]:10766", Listen("::1", 10766)),
        ("[::]:80", Listen("::", 80)),
        ("127.0.0.1:0", Listen("127.0.0.1", 0)),
        ("localhost:65535", Listen("localhost", 65535)),
    ],
)
def test_listen_is_host_and_port(text: str, listen: Listen) -> None:
    """Every form is read, and written again as it was."""
    assert v.listen(text) == listen
    assert str(listen) == text


@pytest.mark.parametrize("text", ["off", "OFF"])
def test_listen_off_is_none(text: str) -> None:
    """Off serves nothing."""
    assert v.listen(text) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("10766", "has no port: write host:port, such as :10766, or off"),
        ("host:", "has no port from 0 to 65535"),
        (":65536", "has no port from 0 to 65535"),
        (":-1", "has no port from 0 to 65535"),
        (":٣", "has no port from 0 to 65535"),
        ("::1:10766", "is an IPv6 address without brackets: write it such as [::1]:10766"),
        ("[::g]:10766", "is not an IPv6 address"),
        ("[127.0.0.1]:10766", "is not an IPv6 address"),
        ("http//x:10766", "is not a host"),
        ("a b:10766", "is not a host"),
    ],
)
def test_what_is_no_address_says_what_to_write(text: str, words: str) -> None:
    """Each slip has its own remedy."""
    with pytest.raises(v.Unacceptable) as caught:
        v.listen(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["https://api.ucloud.cn", "https://api.ucloud.cn/", "http://127.0.0.1:8080", "http://[::1]:80/a/b", "HTTPS://x"],
)
def test_base_url_is_kept_as_written(text: str) -> None:
    """Http and https, with a port and a path."""
    assert v.base_url(text) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("api.ucloud.cn", "does not begin with https:// or http://"),
        ("ftp://hunter2", "does not begin with https:// or http://"),
        ("https://", "has no host"),
        ("https:///hunter2", "has no host"),
        ("https://someone:hunter2@api.ucloud.cn", "contains a user or password: leave them out"),
        ("https://api.ucloud.cn?Signature=hunter2", "contains a query or fragment"),
        ("https://api.ucloud.cn/?", "contains a query or fragment"),
        ("https://api.ucloud.cn#hunter2", "contains a query or fragment"),
        ("https://api.ucloud.cn:hunter2", "is not a URL"),
        ("https://[hunter2", "is not a URL"),
        ("https://api.ucloud.cn/hunter 2", "contains a blank or control character"),
        ("https://api.ucloud.cn/\nhunter2", "contains a blank or control character"),
    ],
)
def test_what_is_no_base_url_is_told_without_showing_it(text: str, words: str) -> None:
    """An address may hold a password or a signature, so that no error quotes it."""
    with pytest.raises(v.Unacceptable) as caught:
        v.base_url(text)
    assert words in str(caught.value)
    assert "hunter" not in str(caught.value)


def test_secret_is_one_word_and_never_shown() -> None:
    """Blanks, control characters and what was no UTF-8 are refused without the value."""
    assert v.secret("someone@example.com1296==") == "someone@example.com1296=="
    for text in ("hunter 2", "hunter2\n", "hunter\x1b2", "hunter\udcff2", "hunter\u200b2"):
        with pytest.raises(v.Unacceptable, match="contains a blank, control or undecodable character") as caught:
            v.secret(text)
        assert "hunter" not in str(caught.value)


def test_errors_quote_on_one_line_and_not_at_any_length() -> None:
    """A value of many lines or kilobytes does not flood the terminal."""
    assert v.shown("a\nb") == r"'a\nb'"
    assert len(v.shown("x" * 10_000)) < 70
