"""Which targets a configuration makes."""

from collections.abc import Mapping

import pytest

from poller.config import Settings, from_document, from_environment, merge, parse, target_tables
from poller.errors import ConfigError
from poller.models import ALL_CITIES, Target

FILE = "/etc/poller.toml"


def settings(document: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Settings:
    """Parse a configuration file beside an environment."""
    given = merge(from_environment(environ or {}), from_document(document, FILE))
    return parse(given, target_tables(document, FILE))


def refusal(document: Mapping[str, object], environ: Mapping[str, str] | None = None) -> str:
    """Return the error that they bring: one line."""
    with pytest.raises(ConfigError) as caught:
        settings(document, environ)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_lists_make_every_combination() -> None:
    """In the order of the lists; what is no list is the same for all."""
    made = settings(
        {}, {"POLLER_CITY_IDS": "a, b", "POLLER_PRODUCT_TYPES": "uphone,uphone-server", "UCLOUD_REGION": "r"}
    )
    assert made.targets == (
        Target("uphone", None, "r", "a"),
        Target("uphone", None, "r", "b"),
        Target("uphone-server", None, "r", "a"),
        Target("uphone-server", None, "r", "b"),
    )


@pytest.mark.parametrize("text", ["all", "ALL", " all,"])
def test_all_stands_for_the_cities_of_each_product_type(text: str) -> None:
    """They are not known before the API is asked, and there is nothing to warn of."""
    made = settings({}, {"POLLER_CITY_IDS": text, "POLLER_PRODUCT_TYPES": "uphone,x"})
    assert [target.city_id for target in made.targets] == [ALL_CITIES, ALL_CITIES]
    assert made.warnings == ()


def test_all_beside_a_city_is_an_error() -> None:
    """It would be in there twice."""
    message = refusal({}, {"POLLER_CITY_IDS": "cn-a,all"})
    assert message == "POLLER_CITY_IDS: all is every city: name it alone, or leave it out"


@pytest.mark.parametrize("variable", ["POLLER_CITY_IDS", "POLLER_PRODUCT_TYPES", "POLLER_JOB_TYPES"])
def test_a_repeated_name_is_an_error(variable: str) -> None:
    """A slip of the pen, where another name was meant."""
    assert refusal({}, {variable: "a,b, a"}) == f"{variable}: 'a' is there twice: name it once"


def test_a_table_is_a_target() -> None:
    """With all that a target has."""
    table = {
        "project_id": "org-x",
        "region": "cn-zj",
        "city_id": "cn-a",
        "product_type": "uphone",
        "job_types": ["A", "B"],
    }
    assert settings({"targets": [table]}).targets == (Target("uphone", "org-x", "cn-zj", "cn-a", ("A", "B")),)


def test_what_a_table_leaves_out_is_the_files_or_the_environments() -> None:
    """A project that is common to all is written once, wherever settings come from."""
    document = {"region": "r", "job_types": "A", "targets": [{"city_id": "a"}, {"city_id": "b", "job_types": "B"}]}
    assert settings(document, {"UCLOUD_PROJECT_ID": "org-x"}).targets == (
        Target("uphone-server", "org-x", "r", "a", ("A",)),
        Target("uphone-server", "org-x", "r", "b", ("B",)),
    )


@pytest.mark.parametrize("variable", ["POLLER_CITY_IDS", "POLLER_PRODUCT_TYPES"])
def test_tables_and_lists_exclude_each_other(variable: str) -> None:
    """Wherever the list comes from; the error names both."""
    message = refusal({"targets": [{"city_id": "a"}]}, {variable: "x"})
    assert message == f"{variable}: [[targets]] 1 in /etc/poller.toml is there too: keep the one or the other"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"city": "a"}, "city of [[targets]] 2 in /etc/poller.toml: no such key: write project_id, region, "),
        ({"a\n": 1}, r"'a\n' of [[targets]] 2 in /etc/poller.toml: no such key: "),
        ({"city_id": 1}, "city_id of [[targets]] 2 in /etc/poller.toml: wrong type: write a string in quotes"),
        ({"city_id": ["a"]}, "city_id of [[targets]] 2 in /etc/poller.toml: wrong type: write a string in quotes"),
        (
            {"job_types": 1},
            "job_types of [[targets]] 2 in /etc/poller.toml: wrong type: write a string in quotes or an",
        ),
        ({"city_id": "a b"}, "city_id of [[targets]] 2 in /etc/poller.toml: 'a b' contains a blank"),
        ({"city_id": ""}, "city_id of [[targets]] 2 in /etc/poller.toml: is empty: "),
        ({"job_types": []}, "job_types of [[targets]] 2 in /etc/poller.toml: is empty: "),
        ({"city_id": "All"}, "city_id of [[targets]] 2 in /etc/poller.toml: all is no city: name one city, or set "),
    ],
)
def test_a_bad_table_is_told_by_its_number(table: Mapping[str, object], words: str) -> None:
    """Tables have no names, so they are counted."""
    assert refusal({"targets": [{"city_id": "a"}, table]}).startswith(words)


@pytest.mark.parametrize("tables", ["x", {"city_id": "a"}, [], ["a"], [{"city_id": "a"}, 1]])
def test_targets_are_tables(tables: object) -> None:
    """One table without its double brackets is told how to be written."""
    message = refusal({"targets": tables})
    assert message == "targets in /etc/poller.toml: wrong type: write a table under [[targets]] for each"


@pytest.mark.parametrize(
    "other", [{"city_id": "a"}, {"city_id": "a", "job_types": "A"}, {"city_id": "a", "region": "default"}]
)
def test_two_tables_of_one_target_are_an_error(other: Mapping[str, object]) -> None:
    """Their series would be the same, and so would their events; what is not set counts as ``default``."""
    message = refusal({"targets": [{"city_id": "a"}, {"city_id": "b"}, other]})
    assert message.startswith("[[targets]] 3 in /etc/poller.toml: ")
    assert "city a, uphone-server is [[targets]] 1 in /etc/poller.toml too: remove one of the two" in message


def test_a_table_without_a_city_is_warned_of() -> None:
    """The vendor does not define what no CityId covers."""
    (warning,) = settings({"targets": [{"city_id": "a"}, {}]}).warnings
    assert warning.startswith("a city_id of [[targets]] is not set, so requests carry no CityId")
