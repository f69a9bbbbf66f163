"""What is not saved yet, put together in any way."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.checkpoint import Staged, Unsaved

Step = tuple[str, str, bytes | None] | tuple[str, int] | str

KEYS = st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"))


@dataclass
class Memory:
    """What a file holds, as plainly as can be."""

    entries: dict[tuple[str, str], bytes] = field(default_factory=dict)
    lines: dict[int, Sequence[bytes]] = field(default_factory=dict)

    def commit(self, unsaved: Unsaved) -> None:
        """Do what a commit does."""
        self.entries = {key: value for key, value in self.entries.items() if key[0] not in unsaved.forgotten}
        for scope, changes in unsaved.changes.items():
            for key, value in changes.items():
                self.change((scope, key), value)
        self.lines |= unsaved.staged
        for number in unsaved.written:
            self.lines.pop(number, None)

    def change(self, key: tuple[str, str], value: bytes | None) -> None:
        """Set an entry, or delete it."""
        if value is None:
            self.entries.pop(key, None)
        else:
            self.entries[key] = value


class Steps:
    """Things that happen, done both to what is unsaved and to a memory that is always up to date."""

    def __init__(self) -> None:
        self.now = Memory()
        self.numbers: list[int] = []

    def change(self, unsaved: Unsaved, key: tuple[str, str], value: bytes | None) -> None:
        """Change an entry."""
        unsaved.change(key[0], [(key[1], value)])
        self.now.change(key, value)

    def forget(self, unsaved: Unsaved, scope: str) -> None:
        """Forget a scope."""
        unsaved.forget(scope)
        self.now.entries = {key: value for key, value in self.now.entries.items() if key[0] != scope}

    def stage(self, unsaved: Unsaved) -> None:
        """Stage the next row."""
        number = len(self.numbers) + 1
        self.numbers.append(number)
        unsaved.staged[number] = self.now.lines[number] = [b"%d\n" % number]

    def write(self, unsaved: Unsaved, number: int) -> None:
        """Mark a row written, if it has been staged."""
        if number in self.numbers:
            unsaved.write(Staged([number], [b""]))
            self.now.lines.pop(number, None)


HAPPENINGS = st.one_of(
    st.builds(lambda key, value: ("change", key, value), KEYS, st.sampled_from([b"1", b"2", None])),
    st.builds(lambda scope: ("forget", scope), st.sampled_from("ab")),
    st.just(("stage",)),
    st.builds(lambda number: ("write", number), st.integers(1, 6)),
)
ROUNDS = st.lists(st.tuples(st.lists(HAPPENINGS, max_size=8), st.lists(HAPPENINGS, max_size=8), st.booleans()))


@given(ROUNDS)
def test_a_commit_that_failed_is_made_up_for(rounds: list[tuple[list[tuple], list[tuple], bool]]) -> None:  # type: ignore[type-arg] # each step has another shape
    """Whatever happens before and during commits, and whichever of these fail: the next that succeeds has it all."""
    steps, file, waiting = Steps(), Memory(), Unsaved()
    for before, during, fails in [*rounds, ([], [], False), ([], [], False)]:
        for name, *arguments in before:
            getattr(steps, name)(waiting, *arguments)
        taken, waiting = waiting, Unsaved()
        for name, *arguments in during:
            getattr(steps, name)(waiting, *arguments)
        if fails:
            taken.append(waiting)
            waiting = taken
        else:
            file.commit(taken)
    assert file == steps.now


def test_a_line_that_is_written_before_it_is_saved_just_goes_away() -> None:
    """Neither the line nor its mark costs a commit."""
    unsaved = Unsaved()
    unsaved.staged[1] = [b"one\n"]
    unsaved.write(Staged([1], [b"one\n"]))
    assert not unsaved


def test_a_line_that_is_written_while_its_commit_fails_goes_away_too() -> None:
    """After a failure nothing is left of it."""
    taken, later = Unsaved(), Unsaved()
    taken.staged[1] = [b"one\n"]
    later.write(Staged([1], [b"one\n"]))
    taken.append(later)
    assert not taken


@pytest.mark.parametrize("name", ["changes", "forgotten", "staged", "written"])
def test_anything_makes_it_worth_a_commit(name: str) -> None:
    """Nothing is left lying."""
    unsaved = Unsaved()
    assert not unsaved
    part = {"changes": {"a": {"k": None}}, "forgotten": {"a"}, "staged": {1: [b""]}, "written": {1}}[name]
    setattr(unsaved, name, part)
    assert unsaved
