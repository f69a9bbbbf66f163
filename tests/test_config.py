"""Sources of settings, their precedence, and the settings made of them."""

from collections.abc import Mapping

import pytest

from poller.config import (
    SETTINGS,
    Given,
    Listen,
    Settings,
    from_document,
    from_environment,
    from_flags,
    merge,
    parse,
    unknown_variables,
)
from poller.errors import ConfigError
from poller.models import Target


def settings(environ: Mapping[str, str]) -> Settings:
    """Parse an environment alone."""
    return parse(from_environment(environ))


def refusal(environ: Mapping[str, str]) -> str:
    """Return the error that an environment brings."""
    with pytest.raises(ConfigError) as caught:
        settings(environ)
    return str(caught.value)


def document_refusal(document: Mapping[str, object]) -> str:
    """Return the error that a configuration file brings."""
    with pytest.raises(ConfigError) as caught:
        parse(from_document(document, "/etc/poller.toml"))
    return str(caught.value)


def test_defaults() -> None:
    """Without any setting, the contract's defaults hold."""
    assert settings({"POLLER_CITY_IDS": "cn-hangzhou"}) == Settings(
        targets=(Target(city_id="cn-hangzhou"),),
        interval=10.0,
        sweep_interval=60.0,
        lookback=0.0,
        state_file=None,
        base_url="https://api.ucloud.cn",
        timeout=65.0,
        events="-",
        execute_messages=False,
        listen=Listen(None, 10766),
        max_rps=20.0,
        concurrency=8,
        trust_env=False,
        log_level="info",
        log_format="auto",
    )


def test_every_setting_is_read() -> None:
    """Each variable ends up in its own field."""
    assert settings(
        {
            "UCLOUD_PROJECT_ID": "org-x",
            "UCLOUD_REGION": "cn-zj",
            "UCLOUD_API_BASE_URL": "http://api.service.ucloud.cn",
            "UCLOUD_TIMEOUT_SECOND": "30.5",
            "POLLER_CITY_IDS": "cn-hangzhou",
            "POLLER_PRODUCT_TYPES": "uphone",
            "POLLER_JOB_TYPES": "INSTALL_APP,UPLOAD_FILE",
            "POLLER_INTERVAL": "1m",
            "POLLER_SWEEP_INTERVAL": "60s",
            "POLLER_LOOKBACK": "1d12h",
            "POLLER_STATE_FILE": "/var/lib/poller/state",
            "POLLER_EVENTS": "/var/log/events.jsonl",
            "POLLER_EXECUTE_MESSAGES": "on",
            "POLLER_LISTEN": "off",
            "POLLER_MAX_RPS": "0.5",
            "POLLER_CONCURRENCY": "2",
            "POLLER_TRUST_ENV": "true",
            "POLLER_LOG_LEVEL": "DEBUG",
            "POLLER_LOG_FORMAT": "json",
        }
    ) == Settings(
        targets=(Target("uphone", "org-x", "cn-zj", "cn-hangzhou", ("INSTALL_APP", "UPLOAD_FILE")),),
        interval=60.0,
        sweep_interval=60.0,
        lookback=129_600.0,
        state_file="/var/lib/poller/state",
        base_url="http://api.service.ucloud.cn",
        timeout=30.5,
        events="/var/log/events.jsonl",
        execute_messages=True,
        listen=None,
        max_rps=0.5,
        concurrency=2,
        trust_env=True,
        log_level="debug",
        log_format="json",
    )


def test_earlier_sources_win() -> None:
    """Flag, environment, file: the first that has a setting decides it."""
    flags = from_flags({"POLLER_INTERVAL": "1s"})
    environment = from_environment({"POLLER_INTERVAL": "2s", "POLLER_CONCURRENCY": "2"})
    document = from_document({"interval": "3s", "concurrency": 3, "max_rps": 3}, "/etc/poller.toml")
    parsed = parse(merge(flags, environment, document))
    assert (parsed.interval, parsed.concurrency, parsed.max_rps) == (1.0, 2, 3.0)


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_empty_variables_count_as_unset(text: str) -> None:
    """A template that leaves a variable empty means the default."""
    assert settings({"POLLER_INTERVAL": text, "POLLER_STATE_FILE": text}).interval == 10.0


def test_blanks_around_a_value_do_not_count() -> None:
    """A newline that a template left at the end does no harm."""
    assert settings({"POLLER_INTERVAL": " 5s\n"}).interval == 5.0


def test_errors_name_the_setting_as_it_was_written() -> None:
    """A flag, a variable and a key are each called what their user called them."""
    sources = (
        from_flags({"POLLER_INTERVAL": "10"}),
        from_environment({"POLLER_INTERVAL": "10"}),
        from_document({"interval": "10"}, "/etc/poller.toml"),
    )
    messages = []
    for source in sources:
        with pytest.raises(ConfigError) as caught:
            parse(source)
        messages.append(str(caught.value))
    assert messages == [
        "--interval: '10' has no unit: write 10s",
        "POLLER_INTERVAL: '10' has no unit: write 10s",
        "interval in /etc/poller.toml: '10' has no unit: write 10s",
    ]


def test_an_empty_flag_is_an_error() -> None:
    """Who types a flag means something by it."""
    with pytest.raises(ConfigError, match=r"^--project-id: is empty: give it a value, or leave it out$"):
        parse(from_flags({"UCLOUD_PROJECT_ID": ""}))


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("UCLOUD_PROJECT_ID", "a b"),
        ("UCLOUD_REGION", "a b"),
        ("UCLOUD_API_BASE_URL", "ftp://x"),
        ("UCLOUD_TIMEOUT_SECOND", "65s"),
        ("POLLER_CITY_IDS", ","),
        ("POLLER_PRODUCT_TYPES", ","),
        ("POLLER_JOB_TYPES", "a b"),
        ("POLLER_INTERVAL", "0s"),
        ("POLLER_SWEEP_INTERVAL", "60"),
        ("POLLER_EVENTS", "\x00/x"),
        ("POLLER_EXECUTE_MESSAGES", "maybe"),
        ("POLLER_LISTEN", "10766"),
        ("POLLER_MAX_RPS", "0"),
        ("POLLER_CONCURRENCY", "1.5"),
        ("POLLER_TRUST_ENV", "maybe"),
        ("POLLER_LOG_LEVEL", "loud"),
        ("POLLER_LOG_FORMAT", "xml"),
    ],
)
def test_every_bad_value_is_told_by_its_variable(variable: str, text: str) -> None:
    """One line, which begins with the variable and goes on with a remedy."""
    message = refusal({variable: text})
    assert message.startswith(f"{variable}: ")
    assert "\n" not in message
    assert message.count(": ") >= 2


def test_what_is_not_built_yet_is_an_error() -> None:
    """A setting that would have no effect is refused rather than ignored."""
    message = refusal({"POLLER_WEB_CONFIG": "/etc/web.yml"})
    assert message.startswith("POLLER_WEB_CONFIG: ")
    assert "not supported yet" in message


def test_a_sweep_may_wait_for_six_intervals_or_as_long_as_one_says() -> None:
    """Never less than an interval."""
    assert settings({"POLLER_INTERVAL": "5s"}).sweep_interval == 30
    assert settings({"POLLER_INTERVAL": "5s", "POLLER_SWEEP_INTERVAL": "7s"}).sweep_interval == 7
    assert "shorter than POLLER_INTERVAL" in refusal({"POLLER_INTERVAL": "5s", "POLLER_SWEEP_INTERVAL": "4s"})


def test_a_lookback_needs_a_unit() -> None:
    """Like every duration."""
    assert refusal({"POLLER_LOOKBACK": "3600"}) == "POLLER_LOOKBACK: '3600' has no unit: write 3600s"


def test_events_cannot_go_to_the_state_file() -> None:
    """Each would destroy the other."""
    message = refusal({"POLLER_STATE_FILE": "/data/poller", "POLLER_EVENTS": "/data/poller"})
    assert message == "POLLER_STATE_FILE: is the file of POLLER_EVENTS: name another"


def test_sweeps_cannot_be_more_frequent_than_cycles() -> None:
    """A sweep is part of a cycle."""
    message = refusal({"POLLER_INTERVAL": "10s", "POLLER_SWEEP_INTERVAL": "5s"})
    assert message == "POLLER_SWEEP_INTERVAL: is shorter than POLLER_INTERVAL, 10s: raise it to that"


@pytest.mark.parametrize(
    ("key", "value", "variable", "text"),
    [
        ("execute_messages", True, "POLLER_EXECUTE_MESSAGES", "on"),
        ("trust_env", False, "POLLER_TRUST_ENV", "off"),
        ("concurrency", 4, "POLLER_CONCURRENCY", "4"),
        ("max_rps", 0.5, "POLLER_MAX_RPS", "0.5"),
        ("timeout_second", 30, "UCLOUD_TIMEOUT_SECOND", "30"),
        ("job_types", ["A", "B"], "POLLER_JOB_TYPES", "A,B"),
        ("listen", ":1", "POLLER_LISTEN", ":1"),
        ("public_key_file", "/x", "UCLOUD_PUBLIC_KEY_FILE", "/x"),
    ],
)
def test_a_file_may_use_its_own_types(key: str, value: object, variable: str, text: str) -> None:
    """Booleans, numbers and arrays of TOML mean what their text would."""
    assert from_document({key: value}, "f") == {variable: Given(text, f"{key} in f")}


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("project_id", 1, "a string in quotes"),
        ("concurrency", True, "a string in quotes or a number"),
        ("concurrency", 1.5, "a string in quotes or a number"),
        ("execute_messages", 1, "a string in quotes or true or false"),
        ("job_types", ["A", 1], "a string in quotes or an array of strings"),
        ("city_ids", {"a": 1}, "a string in quotes or an array of strings"),
        ("interval", True, "a string in quotes"),
    ],
)
def test_a_wrong_type_in_a_file_is_an_error(key: str, value: object, wanted: str) -> None:
    """The error says which types there are."""
    assert document_refusal({key: value}) == f"{key} in /etc/poller.toml: wrong type: write {wanted}"


def test_a_wrong_type_does_not_show_a_secret() -> None:
    """A key without quotes is refused and not shown."""
    assert "4711" not in document_refusal({"private_key": 4711})


@pytest.mark.parametrize("number", [10, 1.5])
def test_a_bare_number_is_no_duration_in_a_file_either(number: float) -> None:
    """The unit is missing whatever the type."""
    assert f"'{number}' has no unit: write {number}s" in document_refusal({"interval": number})


@pytest.mark.parametrize("number", [float("inf"), float("nan"), 0, -1])
def test_a_files_odd_numbers_are_refused(number: float) -> None:
    """TOML has infinities, settings have none."""
    assert document_refusal({"max_rps": number}).startswith("max_rps in /etc/poller.toml: ")


@pytest.mark.parametrize("key", ["city_id", "city-ids", "POLLER_CITY_IDS", "poller_city_ids"])
def test_an_unknown_key_brings_a_suggestion(key: str) -> None:
    """A slip is told with what was probably meant."""
    assert document_refusal({key: "x"}) == f"{key} in /etc/poller.toml: no such setting: did you mean city_ids?"


def test_an_unknown_key_like_no_other_is_to_be_removed() -> None:
    """Where nothing comes near, there is still a remedy."""
    assert document_refusal({"zzz\n": 1}) == "'zzz\\n' in /etc/poller.toml: no such setting: remove it"


def test_a_file_cannot_name_another() -> None:
    """The file's own path makes no sense in it."""
    message = document_refusal({"config": "x"})
    assert message == "config in /etc/poller.toml: a file cannot name another: use POLLER_CONFIG or --config"


def test_a_credential_and_a_file_of_it_exclude_each_other() -> None:
    """Within one source, two forms of one credential are a contradiction."""
    given = from_environment({"UCLOUD_PRIVATE_KEY": "hunter2", "UCLOUD_PRIVATE_KEY_FILE": "/run/key"})
    with pytest.raises(ConfigError) as caught:
        merge(given)
    assert str(caught.value) == "UCLOUD_PRIVATE_KEY: UCLOUD_PRIVATE_KEY_FILE is set too: keep one of the two"


def test_either_form_of_a_credential_outranks_both_of_a_later_source() -> None:
    """The environment decides over the file, whichever form each uses."""
    environment = from_environment({"UCLOUD_PRIVATE_KEY_FILE": "/run/key"})
    document = from_document({"private_key": "hunter2", "public_key": "p"}, "f")
    assert set(merge(environment, document)) == {"UCLOUD_PRIVATE_KEY_FILE", "UCLOUD_PUBLIC_KEY"}


def test_raw_values_do_not_print() -> None:
    """A raw value may be a key, so its representation has the name alone."""
    assert "hunter2" not in repr(Given("hunter2", "UCLOUD_PRIVATE_KEY"))


def test_no_city_is_warned_of() -> None:
    """The vendor does not define what no CityId covers."""
    (warning,) = settings({}).warnings
    assert warning.startswith("POLLER_CITY_IDS is not set")


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://api.ucloud.cn", True),
        ("http://192.0.2.1:8080", True),
        ("HTTP://api.ucloud.cn", True),
        ("https://api.ucloud.cn", False),
        ("http://api.service.ucloud.cn", False),
        ("http://localhost:8080", False),
        ("http://127.8.0.1:8080", False),
        ("http://[::1]:8080", False),
    ],
)
def test_plain_http_is_warned_of_unless_private(url: str, warned: bool) -> None:  # noqa: FBT001 (a column of the table)
    """Loopback and the vendor's address inside a VPC have no need of TLS."""
    warnings = settings({"POLLER_CITY_IDS": "x", "UCLOUD_API_BASE_URL": url}).warnings
    assert [warning.startswith("UCLOUD_API_BASE_URL is plain http to ") for warning in warnings] == [True] * warned


def test_warnings_of_the_sources_come_along() -> None:
    """What was found while reading the sources is told with the rest."""
    assert parse(from_environment({"POLLER_CITY_IDS": "x"}), warnings=("odd",)).warnings == ("odd",)


def test_unknown_variables_are_warned_of_with_a_suggestion() -> None:
    """A misspelt variable would otherwise have no effect in silence."""
    assert unknown_variables(
        {"POLLER_INTERVALL": "5s", "POLLER_PROJECT_ID": "x", "POLLER_XQZ": "1", "PATH": "/bin", "POLLER_LISTEN": "off"}
    ) == (
        "POLLER_INTERVALL is not a setting and has no effect: did you mean POLLER_INTERVAL?",
        "POLLER_PROJECT_ID is not a setting and has no effect: did you mean UCLOUD_PROJECT_ID?",
        "POLLER_XQZ is not a setting and has no effect: remove it",
    )


@pytest.mark.parametrize(
    "variable",
    [
        "POLLER_PORT",
        "POLLER_SERVICE_HOST",
        "POLLER_SERVICE_PORT",
        "POLLER_SERVICE_PORT_METRICS",
        "POLLER_PORT_10766_TCP",
        "POLLER_PORT_10766_TCP_ADDR",
        "POLLER_PORT_10766_TCP_PORT",
        "POLLER_PORT_10766_TCP_PROTO",
        "POLLER_METRICS_SERVICE_HOST",
        "POLLER_METRICS_PORT_10766_TCP",
    ],
)
def test_service_links_are_no_slips(variable: str) -> None:
    """Kubernetes sets these for a Service of that name."""
    assert unknown_variables({variable: "tcp://10.0.0.1:10766"}) == ()


def test_slips_of_the_vendors_variables_are_warned_of() -> None:
    """What is plainly meant for us and misspelt is told; what may be another tool's is left alone."""
    assert unknown_variables({"UCLOUD_PROJEKT_ID": "x", "UCLOUD_ZONE": "cn-zj-01", "UCLOUD_RETRIES": "3"}) == (
        "UCLOUD_PROJEKT_ID is not a setting and has no effect: did you mean UCLOUD_PROJECT_ID?",
    )


def test_a_section_in_a_file_is_no_setting() -> None:
    """Settings stand at the top level."""
    assert document_refusal({"poller": {"interval": "5s"}}) == (
        "poller in /etc/poller.toml: no such section: settings stand at the top level, so take its heading away"
    )


def test_empty_unknown_variables_are_unset() -> None:
    """What counts as unset needs no warning."""
    assert unknown_variables({"POLLER_INTERVALL": ""}) == ()


def test_every_default_is_itself_a_good_value() -> None:
    """The table's defaults go through the parsers that users' values go through."""
    for setting in SETTINGS:
        if setting.default is not None:
            setting.kind.parse(setting.default)
