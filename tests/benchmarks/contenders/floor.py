"""The floor: one socket kept alive, a decoder of what a sweep needs, one insertion into a dictionary a job.

``python -m tests.benchmarks.contenders.floor PORT PAGES`` prints what it took.
"""

import socket
import sys
from typing import BinaryIO, Final

import msgspec

from tests.benchmarks.contenders.taking import report

_BODY: Final = (
    "Action=DescribeUPhoneJob&CityId=city-0&Limit=100&Offset={}&ProductType=uphone-server&State=RUNNING"
    "&PublicKey=demo-public-key-of-the-simulator&Signature=da39a3ee5e6b4b0d3255bfef95601890afd80709"
)
_HEAD: Final = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n{}"
_LENGTH: Final = "Content-Length: {}\r\n\r\n"


class Row(msgspec.Struct, rename="pascal", gc=False):
    """What a sweep needs of a job."""

    job_id: str
    state: str
    job_type: str
    create_time: int
    begin_time: int
    end_time: int


class Answer(msgspec.Struct, rename="pascal"):
    """What a sweep needs of an answer."""

    ret_code: int
    total_count: int
    jobs: list[Row]


def read(port: int, pages: int) -> int:
    """Read so many pages, and return how many jobs there were."""
    decode = msgspec.json.Decoder(Answer).decode
    known: dict[str, Row] = {}
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as answers:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(pages):
            body = _BODY.format(number * 100)
            connection.sendall(_HEAD.format(_LENGTH.format(len(body)) + body).encode())
            for job in decode(_body(answers)).jobs:
                known[job.job_id] = job
    return len(known)


def _body(answers: BinaryIO) -> bytes:
    length = 0
    while (line := answers.readline()) not in {b"\r\n", b""}:
        if line.startswith(b"Content-Length:"):
            length = int(line[15:])
    return answers.read(length)


if __name__ == "__main__":
    report(read, *map(int, sys.argv[1:3]))
