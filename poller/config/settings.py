"""The settings that everything else is built from, parsed once."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, TypeVar
from urllib.parse import urlsplit

from poller.config import table
from poller.config.sources import Given, Values
from poller.config.table import SETTINGS, Setting
from poller.config.values import Listen, Unacceptable
from poller.errors import ConfigError
from poller.models import Target

T = TypeVar("T")

_PRIVATE_API_HOST: Final = "api.service.ucloud.cn"
"""The vendor's address inside a VPC, which has no HTTPS (api/summary of the vendor's documentation)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the poller was told, without credentials. Durations are in seconds.

    ``events`` is ``-`` for stdout, or a path. ``listen`` None serves nothing. ``max_rps`` is in requests a second.
    ``warnings`` are lines for the log: what is allowed, and may not be what was meant.
    """

    targets: tuple[Target, ...]
    interval: float
    sweep_interval: float
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


def parse(given: Values, *, warnings: tuple[str, ...] = ()) -> Settings:
    """Read raw values, keyed by variable. Raises ConfigError, which names the setting as its user wrote it."""
    _refuse_unsupported(given)
    interval = with_default(table.INTERVAL, given)
    return Settings(
        targets=(_target(given),),
        interval=interval,
        sweep_interval=_sweep_interval(given, interval),
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
        warnings=(*warnings, *_doubts(given)),
    )


def optional(setting: Setting[T], given: Values) -> T | None:
    """Read one setting; None where it was not given. Raises ConfigError."""
    raw = given.get(setting.variable)
    return None if raw is None else _read(setting, raw)


def with_default(setting: Setting[T], given: Values) -> T:
    """Read one setting, or its default, which it must have. Raises ConfigError."""
    return _read(setting, given.get(setting.variable) or Given(setting.default or "", setting.variable))


def _read(setting: Setting[T], raw: Given) -> T:
    # A secret is taken as it is: a blank at its edge is a mistake to be told of.
    text = raw.text if setting.kind is table.SECRET else raw.text.strip()
    if not text:
        raise ConfigError(raw.name, "is empty: give it a value, or leave it out")
    try:
        return setting.kind.parse(text)
    except Unacceptable as problem:
        raise ConfigError(raw.name, str(problem)) from None


def _refuse_unsupported(given: Values) -> None:
    for setting in SETTINGS:
        if not setting.supported and setting.variable in given:
            raise ConfigError(given[setting.variable].name, "not supported yet: leave it out")


def _target(given: Values) -> Target:
    return Target(
        product_type=_only(table.PRODUCT_TYPES, given, with_default(table.PRODUCT_TYPES, given)),
        project_id=optional(table.PROJECT_ID, given),
        region=optional(table.REGION, given),
        city_id=_city(given),
        job_types=optional(table.JOB_TYPES, given) or (),
    )


def _city(given: Values) -> str | None:
    cities = optional(table.CITY_IDS, given)
    if cities is None:
        return None
    if any(city.lower() == "all" for city in cities):
        raise ConfigError(given[table.CITY_IDS.variable].name, "all is not supported yet: name one city")
    return _only(table.CITY_IDS, given, cities)


def _only(setting: Setting[object], given: Values, items: tuple[str, ...]) -> str:
    if len(items) > 1:
        raise ConfigError(given[setting.variable].name, f"{len(items)} at once are not supported yet: name one")
    return items[0]


def _sweep_interval(given: Values, interval: float) -> float:
    sweep_interval = optional(table.SWEEP_INTERVAL, given)
    if sweep_interval is None:
        return interval
    name = given[table.SWEEP_INTERVAL.variable].name
    if sweep_interval < interval:
        raise ConfigError(name, f"is shorter than {table.INTERVAL.variable}, {interval:g}s: raise it to that")
    if sweep_interval > interval:
        raise ConfigError(name, "longer than the interval is not supported yet: leave it out, and every cycle sweeps")
    return sweep_interval


def _doubts(given: Values) -> Iterator[str]:
    if table.CITY_IDS.variable not in given:
        yield (
            f"{table.CITY_IDS.variable} is not set, so requests carry no CityId, "
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
