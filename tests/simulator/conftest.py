"""Requests to a simulated API, signed as a client signs them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from poller.signature import Credentials, sign
from poller.simulator.api import Api
from poller.simulator.options import DEMO_CREDENTIALS, Options
from poller.simulator.world import World

START = 1_700_000_000.0
DEFAULTS = Options()

Params = dict[str, str]
Value = str | int | list[str]
MakeApi = Callable[..., Api]
Ask = Callable[..., dict[str, Any]]


def signed(params: Params, credentials: Credentials = DEMO_CREDENTIALS) -> Params:
    """Complete parameters with the keys."""
    complete = {**params, "PublicKey": credentials.public_key}
    if credentials.security_token is not None:
        complete["SecurityToken"] = credentials.security_token
    return {**complete, "Signature": sign(complete, credentials.private_key)}


@pytest.fixture(name="signed")
def signed_fixture() -> Callable[..., Params]:
    """Sign parameters."""
    return signed


@pytest.fixture(name="start")
def start_fixture() -> float:
    """When worlds begin."""
    return START


@pytest.fixture
def api() -> MakeApi:
    """Make an API of some options, whose world begins at the start."""

    def make(options: Options = DEFAULTS) -> Api:
        return Api(options, World(options, start=START))

    return make


@pytest.fixture
def ask() -> Ask:
    """Ask an API something and return its document; lists become ``Name.N`` parameters."""

    def ask_(api: Api, at: float = START, action: str = "DescribeUPhoneJob", **params: Value) -> dict[str, Any]:
        flat = {"Action": action}
        for name, value in params.items():
            if isinstance(value, list):
                flat |= {f"{name}.{index}": item for index, item in enumerate(value)}
            else:
                flat[name] = str(value)
        answer = api.answer(signed(flat), at)
        document = json.loads(answer.content.body)
        assert isinstance(document, dict)
        return document

    return ask_
