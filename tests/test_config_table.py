"""The table of settings, and what is made from it."""

import re

from poller.config import SETTINGS, markdown_table
from poller.config.table import CREDENTIALS

CONTRACT = re.findall(
    r"\w+",
    """
UCLOUD_PUBLIC_KEY UCLOUD_PUBLIC_KEY_FILE UCLOUD_PRIVATE_KEY UCLOUD_PRIVATE_KEY_FILE UCLOUD_SECURITY_TOKEN
UCLOUD_SECURITY_TOKEN_FILE UCLOUD_PROFILE UCLOUD_SHARED_CONFIG_FILE UCLOUD_SHARED_CREDENTIAL_FILE UCLOUD_PROJECT_ID
UCLOUD_REGION UCLOUD_API_BASE_URL UCLOUD_TIMEOUT_SECOND POLLER_CONFIG POLLER_CITY_IDS POLLER_PRODUCT_TYPES
POLLER_JOB_TYPES POLLER_INTERVAL POLLER_SWEEP_INTERVAL POLLER_LOOKBACK POLLER_STATE_FILE POLLER_EVENTS
POLLER_EXECUTE_MESSAGES POLLER_LISTEN POLLER_WEB_CONFIG POLLER_MAX_RPS POLLER_CONCURRENCY POLLER_TRUST_ENV
POLLER_LOG_LEVEL POLLER_LOG_FORMAT
""",
)


def test_the_table_has_the_contracts_variables() -> None:
    """People's manifests depend on these names."""
    assert [setting.variable for setting in SETTINGS] == CONTRACT


def test_flags_and_keys_are_the_variable_without_its_prefix() -> None:
    """One rule gives all three names, and no two settings share one."""
    by_variable = {setting.variable: setting for setting in SETTINGS}
    assert by_variable["POLLER_CITY_IDS"].flag == "--city-ids"
    assert by_variable["UCLOUD_API_BASE_URL"].key == "api_base_url"
    assert len({setting.key for setting in SETTINGS}) == len(SETTINGS)


def test_a_default_is_shown_as_text_or_in_words() -> None:
    """What has no default text may still have a meaning when left out."""
    shown = {setting.variable: setting.shown_default for setting in SETTINGS}
    assert shown["POLLER_INTERVAL"] == "10s"
    assert shown["POLLER_SWEEP_INTERVAL"] == "six intervals"
    assert shown["UCLOUD_REGION"] is None


def test_credentials_have_no_flag() -> None:
    """A flag would show in the process list."""
    without = {setting.variable for setting in SETTINGS if setting.flag is None}
    assert without == {setting.variable for pair in CREDENTIALS for setting in pair}


def test_the_readme_table_has_a_row_for_every_setting() -> None:
    """Each row gives the variable, its flag, its default and its meaning."""
    lines = markdown_table().splitlines()
    assert len(lines) == len(SETTINGS) + 2
    assert all(line.count("|") == 5 for line in lines)
    assert "| `POLLER_INTERVAL` | `--interval` | `10s` |" in markdown_table()
    assert "| `POLLER_SWEEP_INTERVAL` | `--sweep-interval` | six intervals |" in markdown_table()
    assert "| `UCLOUD_PRIVATE_KEY` |  |  |" in markdown_table()


def test_the_readme_table_says_what_is_not_supported_yet() -> None:
    """Nobody should find out only by the error."""
    (line,) = (line for line in markdown_table().splitlines() if "POLLER_WEB_CONFIG" in line)
    assert line.endswith("Not supported yet. |")
