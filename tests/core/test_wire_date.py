"""The server's clock, as an answer tells it."""

import pytest

from poller.wire import Reply, read_page


@pytest.mark.parametrize("date", [None, 1_000_000_000])
@pytest.mark.parametrize(
    "body",
    [
        b'{"RetCode": 0, "Jobs": [{"JobId": "a", "State": "RUNNING"}]}',
        b'{"RetCode": 0, "Jobs": [{"JobId": "a", "State": "SUCCESS"}]}',
        b'{"RetCode": 0, "Jobs": [{"JobId": "a", "State": "OTHER"}]}',
        b'{"RetCode": 0, "Jobs": [{"JobId": "\\ud800"}]}',
        b'{"RetCode": 0}',
    ],
    ids=["active", "finished", "unlisted", "odd", "empty"],
)
@pytest.mark.parametrize("tasks", [True, False])
def test_a_page_has_the_date_of_its_answer(body: bytes, date: int | None, *, tasks: bool) -> None:
    """However it had to be read."""
    assert read_page(Reply(200, body, date=date), tasks=tasks).date == date
