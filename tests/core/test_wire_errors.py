"""The answers that are no page, and the remedy that each names."""

import json

import pytest

from poller.errors import ApiError, FixCredentials, FixPermission, FixRequest, Malformed, RetryLater, SlowDown
from poller.signature import Credentials
from poller.wire import Reply, line, read_page


def failure(body: bytes | str = b"", status: int = 200, credentials: Credentials | None = None) -> ApiError:
    """Return the error that a reply with a request id and a Retry-After is."""
    content = body if isinstance(body, bytes) else body.encode()
    reply = Reply(status, content, request_id="uuid-1", retry_after=3.0, signed_with=credentials)
    with pytest.raises(ApiError) as caught:
        read_page(reply, tasks=False)
    return caught.value


def refusal(ret_code: object, message: object = "why", credentials: Credentials | None = None) -> ApiError:
    """Return the error that a RetCode is."""
    return failure(json.dumps({"RetCode": ret_code, "Message": message}), credentials=credentials)


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "<html><body>502 Bad Gateway</body></html>",
        '{"RetCode":0,"Jobs":[{"JobId":"uj',
        '{"RetCode":0}trailing',
        "null",
        "0",
        '"RetCode"',
        "[]",
        "{}",
        '{"Jobs":[]}',
        '{"RetCode":null}',
        '{"RetCode":""}',
        '{"RetCode":"ok"}',
        '{"RetCode":false}',
        '{"RetCode":true}',
        '{"RetCode":0.5}',
        '{"RetCode":NaN}',
        '{"RetCode":[]}',
        '{"RetCode":%s}' % ("9" * 400),
        '{"RetCode":%s}' % ("9" * 5000),
        '{"RetCode":"%s"}' % ("9" * 5000),
        '{"RetCode":0,"Jobs":"uj-1"}',
        '{"RetCode":0,"Jobs":7}',
        '{"RetCode":0,"Jobs":{"Jobs":[]}}',
        "[" * 100_000,
        '{"RetCode":0,"X":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"a":' * 100_000,
        b"\xff\xfe{\x00}\x00",
        b"\x1f\x8b\x08\x00",
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_no_page_is_malformed(body: bytes | str) -> None:
    """HTML, truncated JSON, wrong types, too deep, or no bytes at all: it may pass."""
    error = failure(body)
    assert type(error) is Malformed
    assert (error.code, error.request_id) == ("malformed", "uuid-1")
    assert len(str(error)) < 100


@pytest.mark.parametrize(
    ("ret_code", "kind"),
    [
        (110, RetryLater),
        (130, RetryLater),
        (150, RetryLater),
        (153, SlowDown),
        (160, FixRequest),
        (161, FixRequest),
        (170, FixCredentials),
        (171, FixCredentials),
        (172, FixCredentials),
        (174, FixCredentials),
        (230, FixRequest),
        (292, FixPermission),
        (293, FixPermission),
        (294, FixPermission),
        (295, FixCredentials),
        (299, FixPermission),
        (2000, RetryLater),
        (66_000, RetryLater),
        (1, RetryLater),
        (-1, RetryLater),
    ],
)
def test_a_ret_code_names_its_remedy(ret_code: int, kind: type[ApiError]) -> None:
    """As a number or as a string; one that nobody documented may pass."""
    for form in (ret_code, str(ret_code)):
        error = refusal(form)
        assert type(error) is kind
        assert error.code == str(ret_code)
        assert str(error).startswith(f"RetCode {ret_code}, ")
        assert str(error).endswith(": why (request uuid-1)")


def test_a_ret_code_counts_whatever_the_rest_of_the_answer_is() -> None:
    """A refusal is read even where a page could not be."""
    body = '{"RetCode":"153","Message":7,"TotalCount":[],"Jobs":"none"}'
    assert type(failure(body)) is SlowDown


@pytest.mark.parametrize(
    ("ret_code", "setting"),
    [
        (161, "UCLOUD_API_BASE_URL"),
        (171, "UCLOUD_PRIVATE_KEY"),
        (172, "UCLOUD_PUBLIC_KEY"),
        (174, "UCLOUD_SECURITY_TOKEN"),
        (292, "UCLOUD_PROJECT_ID"),
        (293, "UCLOUD_REGION"),
    ],
)
def test_a_refusal_names_the_setting_to_mend(ret_code: int, setting: str) -> None:
    """Which is all that its reader can do."""
    assert setting in str(refusal(ret_code))


@pytest.mark.parametrize("message", [None, "", 7, []])
def test_a_refusal_needs_no_message(message: object) -> None:
    """Nor one that is a text."""
    assert str(refusal(110, message)) == "RetCode 110, the API timed out (request uuid-1)"


def test_a_message_is_shortened_to_one_line_without_control_characters() -> None:
    """It goes into a log, a terminal and a page."""
    said = str(refusal(110, "a\r\nb\x1b[31m\u2028\ud800" + "x" * 60_000))
    assert said.isprintable()
    assert "a  b [31m  xx" in said
    assert len(said) < 400


def test_a_message_does_not_show_what_the_request_was_signed_with() -> None:
    """An answer may quote its request; what is cut away must not leave half a key behind."""
    credentials = Credentials("pub@key", "priv", "token" * 20)
    said = str(refusal(171, "x" * 230 + "pub%40key pub@key " + "token" * 20, credentials))
    assert "pub" not in said
    assert "token" not in said
    assert said.count("[redacted]") == 3


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_status_that_may_pass_is_retried(status: int) -> None:
    """Whatever its body is."""
    error = failure("<html>", status)
    assert type(error) is RetryLater
    assert (error.code, error.retry_after) == (f"http_{status}", 3.0)


def test_a_429_slows_down() -> None:
    """As RetCode 153 does, with the server's wish."""
    for error in (failure(status=429), refusal(153)):
        assert type(error) is SlowDown
        assert error.retry_after == 3.0


@pytest.mark.parametrize("status", [201, 204, 301, 302, 400, 401, 403, 404])
def test_a_status_that_will_not_pass_needs_action(status: int) -> None:
    """It is not the API that answers so, which has 200 for all."""
    error = failure('{"RetCode":0}', status)
    assert type(error) is FixRequest
    assert error.code == f"http_{status}"
    assert "UCLOUD_API_BASE_URL" in str(error)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain ü", "plain ü"), ("a\tb", "a b"), ("x" * 300, "x" * 300), ("x" * 301, "x" * 300 + "…")],
)
def test_a_foreign_text_is_fit_for_a_line(text: str, shown: str) -> None:
    """Blanks for what is not printable, and an end."""
    assert line(text) == shown
