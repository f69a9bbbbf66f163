"""The settings that everything else is built from, parsed once."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from poller.config import table
from poller.config.reading import optional, with_default
from poller.config.sources import TargetTable, Values
from poller.config.table import SETTINGS
from poller.config.targets import read_targets
from poller.config.values import Listen
from poller.errors import ConfigError
from poller.models import Target

_PRIVATE_API_HOST: Final = "api.service.ucloud.cn"
"""The vendor's address inside a VPC, which has no HTTPS (api/summary of the vendor's documentation)."""


_SWEEP_INTERVALS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the poller was told, without credentials. Durations are in seconds.

    A target whose city is `ALL_CITIES` stands for as many as the API will list. ``state_file`` None keeps state in
    memory alone. ``events`` is ``-`` for stdout, or a path. ``listen`` None serves nothing. ``max_rps`` is in requests
    a second. ``warnings`` are lines for the log: what is allowed, and may not be what was meant.
    """

    targets: tuple[Target, ...]
    interval: float
    sweep_interval: float
    lookback: float
    state_file: str | None
    base_url: str
    timeout: float
    events: str
    execute_messages: bool
    listen: Listen | None
    max_rps: float
    concurrency: int
    trust_env: bool
    log_level: str
    log_format: str
    warnings: tuple[str, ...] = ()


def parse(given: Values, tables: tuple[TargetTable, ...] = (), *, warnings: tuple[str, ...] = ()) -> Settings:
    """Read raw values by variable, and ``[[targets]]`` tables.

    Raises ConfigError, which names the setting as its user wrote it.
    """
    _refuse_unsupported(given)
    interval = with_default(table.INTERVAL, given)
    targets = read_targets(given, tables)
    return Settings(
        targets=targets,
        interval=interval,
        sweep_interval=_sweep_interval(given, interval),
        lookback=with_default(table.LOOKBACK, given),
        state_file=_state_file(given),
        base_url=with_default(table.API_BASE_URL, given),
        timeout=with_default(table.TIMEOUT_SECOND, given),
        events=with_default(table.EVENTS, given),
        execute_messages=with_default(table.EXECUTE_MESSAGES, given),
        listen=with_default(table.LISTEN_ON, given),
        max_rps=with_default(table.MAX_RPS, given),
        concurrency=with_default(table.CONCURRENCY, given),
        trust_env=with_default(table.TRUST_ENV, given),
        log_level=with_default(table.LOG_LEVEL, given),
        log_format=with_default(table.LOG_FORMAT, given),
        warnings=(*warnings, *_doubts(given, targets, tables)),
    )


def _refuse_unsupported(given: Values) -> None:
    for setting in SETTINGS:
        if not setting.supported and setting.variable in given:
            raise ConfigError(given[setting.variable].name, "not supported yet: leave it out")


def _sweep_interval(given: Values, interval: float) -> float:
    sweep_interval = optional(table.SWEEP_INTERVAL, given)
    if sweep_interval is None:
        return _SWEEP_INTERVALS * interval
    name = given[table.SWEEP_INTERVAL.variable].name
    if sweep_interval < interval:
        raise ConfigError(name, f"is shorter than {table.INTERVAL.variable}, {interval:g}s: raise it to that")
    return sweep_interval


def _state_file(given: Values) -> str | None:
    state_file = optional(table.STATE_FILE, given)
    if state_file is not None and state_file == with_default(table.EVENTS, given):
        name = given[table.STATE_FILE.variable].name
        raise ConfigError(name, f"is the file of {table.EVENTS.variable}: name another")
    return state_file


def _doubts(given: Values, targets: tuple[Target, ...], tables: tuple[TargetTable, ...]) -> Iterator[str]:
    if any(target.city_id is None for target in targets):
        unset = "a city_id of [[targets]]" if tables else table.CITY_IDS.variable
        yield (
            f"{unset} is not set, so requests carry no CityId, "
            "and the vendor does not define what that covers: name the city"
        )
    url = urlsplit(with_default(table.API_BASE_URL, given))
    if url.scheme == "http" and not _is_private(url.hostname or ""):
        yield (
            f"{table.API_BASE_URL.variable} is plain http to {url.hostname}: "
            "anyone on the way can read the answers and replay requests; use https"
        )


def _is_private(host: str) -> bool:
    if host in {_PRIVATE_API_HOST, "localhost"}:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
