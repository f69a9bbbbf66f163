"""What of a target outlives the process: which entries have changed, and how they are taken up again."""

import json
from collections.abc import Iterable
from typing import Final

import msgspec

from poller.cycle.heads import Heads
from poller.cycle.reader import Sight
from poller.models import Instant, Target
from poller.tracker import TargetRecord, decode_job, decode_target, encode

_OF_TARGET: Final = ""
"""The key of the target's own record, which no job's id is."""

_EVERY: Final = 15.0
"""Seconds after which a frontier that moves is written although no job has changed."""


def scope(target: Target) -> str:
    """Return the name under which a target's entries are kept: what its events are identified by."""
    return json.dumps([target.project_id, target.region, target.city_id, target.product_type], ensure_ascii=False)


def cities_of(template: Target, scopes: Iterable[str]) -> list[str]:
    """Name the cities of a template's project, region and product type that have entries under these scopes."""
    kept = (json.loads(name) for name in scopes)
    own = [template.project_id, template.region, template.product_type]
    return [city for project, region, city, product in kept if [project, region, product] == own and city is not None]


def check_entries(entries: Iterable[tuple[str, bytes]]) -> None:
    """Raise ``msgspec.MsgspecError``, a ValueError, where an entry cannot be read."""
    for key, value in entries:
        if key == _OF_TARGET:
            decode_target(value)
        else:
            decode_job(value)


class Memory:
    """One target's entries in the state file: a key, and a record as bytes."""

    def __init__(self, target: Target, sight: Sight, heads: Heads) -> None:
        self._target = target
        self._sight = sight
        self._heads = heads
        self._written: TargetRecord | None = None
        self._written_at = float("-inf")

    def changes(self) -> list[tuple[str, bytes | None]]:
        """Return the entries that have changed since the last call, None for those to delete."""
        now = self._sight.now()
        changes = self._sight.tracker.book.changes(now)
        # Always with the jobs that it was moved past: an older frontier would make news of those that are forgotten.
        if changes or now.mono - self._written_at >= _EVERY:
            self._written_at = now.mono
            changes.append((_OF_TARGET, encode(self._record(now))))
        return changes

    def _record(self, now: Instant) -> TargetRecord:
        ledger = self._sight.tracker.ledger
        if ledger.frontiers and min(ledger.frontiers.values()) > ledger.since:
            ledger.covered = None
        return msgspec.structs.replace(
            self._heads.record(now),
            job_types=self._target.job_types,
            covered=None if ledger.covered is None else tuple(sorted(ledger.covered)),
            since=None if ledger.covered is None else ledger.since,
            saved=now.server,
        )

    def restore(self, kept: Iterable[tuple[str, bytes]]) -> None:
        """Take up what an earlier process has left, and keep track of changes from now on.

        They have been checked to be readable.
        """
        tracker, now = self._sight.tracker, self._sight.now()
        for key, value in kept:
            if key == _OF_TARGET:
                self._restore_target(decode_target(value), now)
            else:
                tracker.book.restore(key, decode_job(value), now)
        tracker.book.recording = True

    def _restore_target(self, record: TargetRecord, now: Instant) -> None:
        """Take up the frontiers; job types that were not asked for till now begin where that process ended."""
        before, after = record.job_types, self._target.job_types
        wider = bool(before) and (not after or not set(after) <= set(before))
        # With other types a listing is another one.
        other = set(before) != set(after)
        self._heads.restore(msgspec.structs.replace(record, orders={}, audited={}) if other else record, now)
        ledger = self._sight.tracker.ledger
        ledger.covered = None if record.covered is None else frozenset(record.covered)
        ledger.since = float("-inf") if record.since is None else record.since
        if wider and record.saved is not None:
            ledger.covered = frozenset(before) if ledger.covered is None else ledger.covered & frozenset(before)
            ledger.since = record.saved
