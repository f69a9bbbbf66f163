"""The id of an event: the same for ever, and different for whatever differs."""

import json
from hashlib import sha256

from hypothesis import example, given
from hypothesis import strategies as st

from poller.events import event_id, unresolved
from poller.models import State, Target, Unresolved

Identity = tuple[str | None, str | None, str | None, str, str, State | None, int | None]

TEXT = st.text(alphabet=st.characters(), max_size=5)
COMPLETIONS = st.tuples(
    st.none() | TEXT,
    st.none() | TEXT,
    st.none() | TEXT,
    TEXT,
    TEXT,
    st.none() | st.sampled_from(State),
    st.none() | st.integers(0, 3),
)
NASTY = '\x00\x1f\x7f\x80"\\/\b\f\n\r\t\u2028\ud83d\ude00\ud800\udfff\U0001f600'


def _of(completion: Identity) -> str:
    project, region, city, product, job_id, state, at = completion
    return event_id(Target(product, project, region, city), job_id, state, at)


def test_known_ids_never_change() -> None:
    """Consumers keep ids, and a state file may be older than the program: these values are part of the interface."""
    full = Target("uphone", "org-x", "cn-zj", "cn-hangzhou", ("INSTALL_APP",))
    assert event_id(Target(), "uj-1", State.SUCCESS, 1795482121) == "09826ac549f1078aed102c0cc9e9322e"
    assert event_id(full, "uj-1", State.FAILED, None) == "4b23d05f06a373168b25d3d294d78f75"
    assert event_id(full, "作业\ud800", None, 1795482004) == "ed9c5e8e0740fed57fbd7d8ec31947d5"


@given(COMPLETIONS, st.none() | st.integers())
@example((NASTY, NASTY, NASTY, NASTY, NASTY, None, None), None)
@example((None, "", None, "", "uj-1", State.PARTIAL_SUCCESS, None), -(10**20))
def test_the_id_is_the_hash_of_its_documented_array(completion: Identity, at: int | None) -> None:
    """Whoever keeps ids can make them again with any JSON library that writes ASCII."""
    project, region, city, product, job_id, state, _ = completion
    array = [project, region, city, product, job_id, None if state is None else state.value, at]
    text = json.dumps(array, ensure_ascii=True, separators=(",", ":"))
    assert _of((*completion[:-1], at)) == sha256(text.encode("ascii")).hexdigest()[:32]


def test_the_id_is_of_the_target_as_a_place() -> None:
    """Which job types are asked for does not make another completion of it."""
    plain, filtered = Target(city_id="a"), Target(city_id="a", job_types=("INSTALL_APP",))
    assert event_id(plain, "uj-1", State.SUCCESS, 1) == event_id(filtered, "uj-1", State.SUCCESS, 1)


@given(COMPLETIONS, COMPLETIONS)
def test_different_completions_have_different_ids(one: Identity, other: Identity) -> None:
    """None is not an empty text, and neighbouring fields do not run into each other."""
    assert (_of(one) == _of(other)) is (one == other)


@given(COMPLETIONS)
def test_an_id_is_32_hexadecimal_digits(completion: Identity) -> None:
    """Whatever it is of, lone surrogates among it."""
    assert len(_of(completion)) == 32
    assert set(_of(completion)) <= set("0123456789abcdef")


def test_a_repeat_of_the_same_unresolved_run_has_the_same_id() -> None:
    """When it was noticed does not count; another run of the job does."""

    def id_of(*, created: int | None, begun: int | None, seen_at: float) -> str:
        return unresolved(Target(), Unresolved("uj-1", "", State.RUNNING, created, begun, seen_at)).event_id

    first = id_of(created=1, begun=5, seen_at=100.0)
    assert id_of(created=1, begun=5, seen_at=200.0) == first
    assert id_of(created=1, begun=9, seen_at=200.0) != first
    assert id_of(created=1, begun=None, seen_at=200.0) != id_of(created=2, begun=None, seen_at=200.0)
