"""A real poller's output as container runtimes log it, and what log pipelines are to make of it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.types import Message, Receive, Scope, Send

from poller.events import encode, unresolved
from poller.models import State, Target, Unresolved
from poller.simulator.options import Fault, Options
from tests.deploy.tools import DEPLOY
from tests.e2e.live import LiveApi, Poller, wait_until
from tests.e2e.verdict import assert_once
from tests.schema import Event, read_event

PIPELINES: Final = DEPLOY / "pipelines"

ECS: Final = {
    "timestamp": "@timestamp",
    "message": "message",
    "level": "log.level",
    "event_name": "event.action",
    "event_id": "event.id",
    "begin_time": "event.start",
    "end_time": "event.end",
    "error_message": "error.message",
    "region": "cloud.region",
    "project_id": "cloud.project.id",
    "product_type": "cloud.service.name",
}
"""By field of the event, its place in the Elastic Common Schema; all others keep their name, under uphone."""

TROUBLED: Final = Options(
    active_jobs=60,
    finished_jobs=10,
    arrival_rate=0,
    queue_time=(0.2, 1.5),
    run_time=(0.3, 3.0),
    failed_share=0.3,
    partial_share=0.2,
    max_phones=60,
    latency=0.002,
    jitter=0.003,
    faults=dict.fromkeys((Fault.HTTP_503, Fault.RET_CODE_150, Fault.GARBAGE), 0.05),
)
"""Jobs that end within seconds, an API with faults, and enough phones for lines of every length."""

LONG_TEXT: Final = 'no space: "/data" \\ \n\t磁盘空间不足 \u2028 {"timestamp":"fake"} stdout F ' * 90
"""What lines are full of: all that framing and escaping could trip over, some 6 KiB."""

UNRESOLVED: Final = encode(unresolved(Target(), Unresolved("uj-lost", "PUSH_FILE", State.RUNNING, 1, None, 2.0)))
"""A line that tells of no completion, though it is an event."""

_SHORT_TEXT: Final = b"device is offline"
_DOCKER_PIECE: Final = 16_384
_STAMP: Final = "2026-11-24T01:02:03.456789012Z"


class WordyApi(LiveApi):
    """The simulated API, where devices that are offline say so at length."""

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        starts: list[Message] = []

        async def lengthen(message: Message) -> None:
            if message["type"] == "http.response.start":
                starts.append(message)
                return
            body = message["body"].replace(_SHORT_TEXT, json.dumps(LONG_TEXT)[1:-1].encode())
            for start in starts:
                headers = [(name, _length(name, value, message["body"], body)) for name, value in start["headers"]]
                await send({**start, "headers": headers})
            starts.clear()
            await send({**message, "body": body})

        await super()._app(scope, receive, lengthen)


@dataclass(frozen=True)
class Output:
    """What a poller wrote that was killed once and started again, by process, and what had become of the jobs."""

    lives: tuple[tuple[bytes, ...], tuple[bytes, ...]]
    diagnostics: tuple[str, ...]

    @cached_property
    def events(self) -> dict[str, Event]:
        """The completions by event_id: of repeats the first."""
        found: dict[str, Event] = {}
        for line in self.lines:
            event = read_event(line)
            found.setdefault(event["event_id"], event)
        return found

    @property
    def lines(self) -> list[bytes]:
        """All whole lines of completions, repeats among them."""
        return [line for life in self.lives for line in life if line.endswith(b"\n") and line != UNRESOLVED]

    @property
    def repeats(self) -> int:
        """How many whole lines say what another has said before."""
        return len(self.lines) - len(self.events)

    @property
    def failures(self) -> set[str]:
        """The ids of those that did not succeed."""
        return {event_id for event_id, event in self.events.items() if event["state"] != "SUCCESS"}


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Output:
    """Return one such output, the same for all tests, which is exactly what happened."""
    return record(tmp_path_factory.mktemp("recorded"))


def record(directory: Path) -> Output:
    """Run a poller, kill it in the middle, run it to the end; then let the second life begin with repeats.

    A kill may fall so that nothing is repeated or torn: both are made sure of, as the poller would write them, and so
    is a job that the API no longer knows.
    """
    settings = {
        "POLLER_STATE_FILE": str(directory / "state"),
        "POLLER_INTERVAL": "100ms",
        "UCLOUD_PROJECT_ID": "org-x",
        "UCLOUD_REGION": "cn-sh2",
    }
    with WordyApi(TROUBLED) as api:
        with Poller(api.url, settings) as first:
            wait_until(lambda: len(first.lines) >= 15, "some events")
            first.kill()
        with Poller(api.url, settings) as second:
            told = {read_event(line)["job_id"] for line in first.lines if line.endswith(b"\n")}
            wait_until(lambda: api.all_ended and api.ended().keys() <= told | second.reported, "every event")
            assert second.stop() == 0
        whole = [line for line in first.lines if line.endswith(b"\n")]
        assert max(map(len, (*whole, *second.lines))) > 16_000, "no line was long"
        torn, repeats = max(second.lines, key=len)[:5000], whole[-5:]
        lives = ((UNRESOLVED, *whole, torn), (*repeats, *second.lines))
        output = Output(lives, (*first.stderr, *second.stderr))
        assert_once(api, list(output.events.values()))
        return output


def cri(lines: Iterable[bytes], diagnostics: Iterable[str], *, piece: int) -> bytes:
    """Log as containerd and CRI-O do: time, stream, P or F for a line's last piece, and the piece without its newline.

    containerd cuts lines after 16 384 bytes, CRI-O's conmon wherever a read of 8 192 ends. Between the pieces of a line
    there may be lines of the other stream. That a line has no newline, as after a kill, is not to be seen.
    """
    others = iter(diagnostics)
    framed: list[str] = []
    for line in lines:
        pieces = list(_cut(line.removesuffix(b"\n"), piece))
        for each in pieces[:-1]:
            framed += [f"{_STAMP} stdout P {each}\n", *_other(others)]
        framed += [f"{_STAMP} stdout F {pieces[-1]}\n", *_other(others)]
    return "".join(framed).encode(errors="surrogateescape")


def docker(lines: Iterable[bytes], diagnostics: Iterable[str]) -> bytes:
    """Log as Docker's json-file driver does: pieces of up to 16 KiB, of which a line's last keeps its newline.

    What a kill tore has none, and the next process's first line follows it. Bytes that are no UTF-8 are replaced.
    """
    others = iter(diagnostics)
    framed: list[str] = []
    for line in lines:
        for start in range(0, len(line), _DOCKER_PIECE):
            piece = line[start : start + _DOCKER_PIECE].decode(errors="replace")
            framed += [_docker("stdout", piece), *(_docker("stderr", other) for other in _some(others))]
    return "".join(framed).encode()


def _docker(stream: str, log: str) -> str:
    return json.dumps({"log": log, "stream": stream, "time": _STAMP}, ensure_ascii=False, separators=(",", ":")) + "\n"


def _other(diagnostics: Iterator[str]) -> list[str]:
    return [f"{_STAMP} stderr F {line.rstrip()}\n" for line in _some(diagnostics)]


def _some(diagnostics: Iterator[str]) -> list[str]:
    line = next(diagnostics, None)
    return [] if line is None else [line]


def _cut(line: bytes, piece: int) -> Iterator[str]:
    for start in range(0, len(line), piece):
        yield line[start : start + piece].decode(errors="surrogateescape")


def _length(name: bytes, value: bytes, old: bytes, new: bytes) -> bytes:
    """Return a header for the new body; one that was wrong on purpose stays so."""
    fits = name.lower() == b"content-length" and int(value) == len(old)
    return str(len(new)).encode() if fits else value


def plain(value: dict[str, Any]) -> Any:  # noqa: ANN401 (any JSON value)
    """Turn an attribute's value, as OTLP writes it in JSON, into the value that it stands for."""
    match value:
        case {"kvlistValue": entries}:
            return {entry["key"]: plain(entry["value"]) for entry in entries.get("values", [])}
        case {"arrayValue": items}:
            return [plain(each) for each in items.get("values", [])]
        case {"intValue": number}:
            return int(number)
    return next(iter(value.values()), None)


def logged(output: Output, framing: str, directory: Path) -> Path:
    """Write the output as a runtime would have logged it, or none; return the pattern of its files' names.

    Kubernetes begins another file for the container that follows a killed one, Docker goes on with the same. So does
    the poller with a file of its own, after it has ended the line that was torn.
    """
    first, second = output.lives
    if framing == "none":
        (directory / "events.jsonl").write_bytes(b"".join((*first, b"\n", *second)))
        return directory / "events.jsonl"
    if framing == "docker":
        (directory / "c0ffee-json.log").write_bytes(docker((*first, *second), output.diagnostics))
        return directory / "*-json.log"
    piece = {"containerd": 16_384, "cri-o": 8_192}[framing]
    for number, lines in enumerate(output.lives):
        (directory / f"{number}.log").write_bytes(cri(lines, output.diagnostics, piece=piece))
    return directory / "[0-9].log"
