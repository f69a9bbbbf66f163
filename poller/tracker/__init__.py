"""What is known of one target's jobs: sightings go in, news comes out.

A *run* is tracked from its first active sighting to its end. Either the API shows it in a terminal state (a
`poller.models.Completion`; without an EndTime it is *held* for a while, in case the time comes late), or the API no
longer knows it (`poller.models.Unresolved`), after which it is *dormant*: asked about now and then, since it may turn
up. A run that ended before anyone saw it active is news if it ended at or after its listing's frontier.
"""

from poller.tracker.absences import MISSED_FOR, MISSED_FOR_WITHOUT_CONTROL
from poller.tracker.book import DORMANT_EVERY, DORMANT_FOR, DORMANT_MOST
from poller.tracker.record import TargetRecord, decode_job, decode_target, encode
from poller.tracker.tracker import HOLD_FOR, Tracker

__all__ = [
    "DORMANT_EVERY",
    "DORMANT_FOR",
    "DORMANT_MOST",
    "HOLD_FOR",
    "MISSED_FOR",
    "MISSED_FOR_WITHOUT_CONTROL",
    "TargetRecord",
    "Tracker",
    "decode_job",
    "decode_target",
    "encode",
]
