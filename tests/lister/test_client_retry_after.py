"""How a server's wish is read from its headers."""

from hypothesis import given
from hypothesis import strategies as st

from poller.lister.client import _retry_after

DATES = st.text('0123456789 :,+-()GMTuenovWd."/', max_size=40)


@given(wish=st.text(max_size=20) | DATES, date=DATES)
def test_any_headers_are_a_wish_within_bounds_or_none(wish: str, date: str) -> None:
    """Nothing that a server sends here can crash the poller, or silence it for long."""
    seconds = _retry_after(wish, date)
    assert seconds is None or 0 <= seconds <= 120
