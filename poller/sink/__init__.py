"""Where event lines go: a descriptor, a thread that may block on it, and the waiting for both."""

from poller.sink.batch import Batch
from poller.sink.event_log import EventLog, NoOutbox
from poller.sink.file import EventFile
from poller.sink.output import Output, open_output
from poller.sink.sink import Sink
from poller.sink.stream import Stream

__all__ = ["Batch", "EventFile", "EventLog", "NoOutbox", "Output", "Sink", "Stream", "open_output"]
