"""The vendor's profile files as bytes."""

import pytest

from poller.config import Given, parse
from poller.config.profile import ConfigEntry, CredentialEntry, active, decode, find, from_profile
from poller.errors import ConfigError

CONFIG = b"""[
 {"project_id":"","region":"cn-bj2","zone":"cn-bj2-04","base_url":"https://api.ucloud.cn/","timeout_sec":15,
  "profile":"uphone","active":true,"max_retry_times":3},
 {"project_id":"org-y","region":"","zone":"","base_url":"","timeout_sec":0,"profile":"other","active":false}
]"""


def test_a_profile_becomes_settings() -> None:
    """Empty texts are unset, unknown keys are the vendor's affair."""
    entry = find(decode(CONFIG, ConfigEntry, "f"), "uphone")
    assert entry is not None
    assert from_profile(entry, "f") == {
        "UCLOUD_REGION": Given("cn-bj2", "region of profile 'uphone' in f"),
        "UCLOUD_API_BASE_URL": Given("https://api.ucloud.cn/", "base_url of profile 'uphone' in f"),
        "UCLOUD_TIMEOUT_SECOND": Given("15", "timeout_sec of profile 'uphone' in f"),
    }


def test_a_profiles_bad_value_is_told_by_its_place() -> None:
    """The error names key, profile and file."""
    entry = find(decode(CONFIG, ConfigEntry, "f"), "other")
    assert entry is not None
    with pytest.raises(ConfigError, match=r"^timeout_sec of profile 'other' in f: '0' is not a number above zero"):
        parse(from_profile(entry, "f"))


def test_the_active_profile_counts_else_default() -> None:
    """As the vendor's command line has it."""
    assert active(decode(CONFIG, ConfigEntry, "f")) == "uphone"
    assert active([]) == "default"


def test_an_unknown_profile_is_none() -> None:
    """What is not there is not found."""
    assert find(decode(CONFIG, ConfigEntry, "f"), "nobody") is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[1]",
        b"hunter2",
        b'[{"private_key": 42424242}]',
        b'[{"private_key": "hunter2"',
        b'[{"private_key": "hunter\xff2"}]',
        b'[{"private_key": "hunter2", "public_key": ["hunter2"]}]',
    ],
)
def test_a_malformed_file_is_named_and_not_shown(data: bytes) -> None:
    """The file may hold keys, so that nothing of it is quoted."""
    with pytest.raises(ConfigError) as caught:
        decode(data, CredentialEntry, "UCLOUD_SHARED_CREDENTIAL_FILE (f)")
    message = str(caught.value)
    assert message.startswith("UCLOUD_SHARED_CREDENTIAL_FILE (f): is no ")
    assert message.endswith(": mend or remove the file")
    assert "hunter" not in message
    assert "4242" not in message


def test_a_key_pair_does_not_print() -> None:
    """A pair that ends up in a log shows nothing."""
    assert repr(CredentialEntry("default", "hunter2", "hunter2")) == "CredentialEntry(…)"
