"""What to poll: every combination of the lists, or the ``[[targets]]`` tables of the configuration file."""

from itertools import product
from typing import TypeVar

from poller.config import table
from poller.config.reading import optional, read, with_default
from poller.config.sources import TargetTable, Values
from poller.config.table import Kind
from poller.errors import ConfigError
from poller.models import ALL_CITIES, Target
from poller.stats import labels

T = TypeVar("T")


def read_targets(given: Values, tables: tuple[TargetTable, ...]) -> tuple[Target, ...]:
    """Return the targets in the order of the configuration; no two have the same labels. Raises ConfigError."""
    return _of_tables(given, tables) if tables else _combinations(given)


def _combinations(given: Values) -> tuple[Target, ...]:
    return tuple(
        Target(
            product_type=product_type,
            project_id=optional(table.PROJECT_ID, given),
            region=optional(table.REGION, given),
            city_id=city_id,
            job_types=optional(table.JOB_TYPES, given) or (),
        )
        for product_type, city_id in product(with_default(table.PRODUCT_TYPES, given), _cities(given))
    )


def _cities(given: Values) -> tuple[str | None, ...]:
    cities = optional(table.CITY_IDS, given)
    if cities is None:
        return (None,)
    if not any(_is_all(city) for city in cities):
        return cities
    if len(cities) > 1:
        raise ConfigError(
            given[table.CITY_IDS.variable].name, f"{ALL_CITIES} is every city: name it alone, or leave it out"
        )
    return (ALL_CITIES,)


def _is_all(city: str) -> bool:
    return city.lower() == ALL_CITIES


def _of_tables(given: Values, tables: tuple[TargetTable, ...]) -> tuple[Target, ...]:
    for setting in (table.CITY_IDS, table.PRODUCT_TYPES):
        if raw := given.get(setting.variable):
            raise ConfigError(raw.name, f"{tables[0].name} is there too: keep the one or the other")
    names: dict[tuple[str, ...], str] = {}
    targets = []
    for each in tables:
        target = _of_table(given, each.values)
        if _is_all(target.city_id or ""):
            instead = f"name one city, or set {table.CITY_IDS.variable} instead of [[targets]]"
            raise ConfigError(each.values["city_id"].name, f"{ALL_CITIES} is no city: {instead}")
        first = names.setdefault(labels(target), each.name)
        if first is not each.name:
            raise ConfigError(each.name, f"{target} is {first} too: remove one of the two, or tell them apart")
        targets.append(target)
    return tuple(targets)


def _of_table(given: Values, values: Values) -> Target:
    def own(key: str, kind: Kind[T]) -> T | None:
        return read(kind, values[key]) if key in values else None

    return Target(
        product_type=own("product_type", table.NAME) or table.PRODUCT_TYPES.default or "",
        project_id=own("project_id", table.NAME) or optional(table.PROJECT_ID, given),
        region=own("region", table.NAME) or optional(table.REGION, given),
        city_id=own("city_id", table.NAME),
        job_types=own("job_types", table.NAMES) or optional(table.JOB_TYPES, given) or (),
    )
