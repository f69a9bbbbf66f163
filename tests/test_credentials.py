"""Settings and credentials from real files: precedence, rotation, and errors that show no key."""

import os
from itertools import count
from pathlib import Path

import pytest

from poller.credentials import CredentialSource, load
from poller.errors import ConfigError
from poller.signature import Credentials

KEYS = {"UCLOUD_PUBLIC_KEY": "public", "UCLOUD_PRIVATE_KEY": "hunter2"}


def refusal(environ: dict[str, str], flags: dict[str, str] | None = None) -> str:
    """Return the error that sources bring, which is one line and shows no key."""
    with pytest.raises(ConfigError) as caught:
        load(flags or {}, environ)
    message = str(caught.value)
    assert "hunter" not in message
    assert "\n" not in message
    return message


def write(file: Path, text: str) -> Path:
    """Write a file under a new inode, as editors and secret stores do, and return it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(file.name + ".new")
    new.write_text(text)
    new.replace(file)
    return file


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with the vendor's files in it."""
    write(
        tmp_path / ".ucloud/config.json",
        """[{"profile": "work", "active": true, "project_id": "org-w", "region": "cn-w", "timeout_sec": 15},
            {"profile": "play", "active": false, "project_id": "org-p", "base_url": "https://play.example"}]""",
    )
    write(
        tmp_path / ".ucloud/credential.json",
        """[{"profile": "work", "public_key": "work-public", "private_key": "hunter-work"},
            {"profile": "play", "public_key": "play-public", "private_key": "hunter-play"},
            {"profile": "half", "public_key": "half-public", "private_key": ""},
            {"profile": "empty", "public_key": "", "private_key": ""}]""",
    )
    return tmp_path


@pytest.fixture
def mounted(tmp_path: Path) -> dict[str, str]:
    """Return an environment whose keys are in files."""
    public, private = write(tmp_path / "public", "public-1\n"), write(tmp_path / "private", "hunter-1\n")
    return {"UCLOUD_PUBLIC_KEY_FILE": str(public), "UCLOUD_PRIVATE_KEY_FILE": str(private)}


def test_keys_from_the_environment() -> None:
    """The plain variables are the credentials."""
    _, source = load({}, {**KEYS, "UCLOUD_SECURITY_TOKEN": "token"})
    assert source.current() == Credentials("public", "hunter2", "token")


def test_credentials_stay_the_same_object() -> None:
    """A caller may tell a change by identity."""
    _, source = load({}, KEYS)
    assert source.current() is source.current()


def test_no_credentials_at_all_says_how_to_set_them() -> None:
    """A first start without keys names both, and every way to give them."""
    assert refusal({}) == (
        "UCLOUD_PUBLIC_KEY, UCLOUD_PRIVATE_KEY: not set: set both in the environment, or UCLOUD_PUBLIC_KEY_FILE and "
        "UCLOUD_PRIVATE_KEY_FILE to files of them, or keep them in profile 'default' of ~/.ucloud/credential.json"
    )


@pytest.mark.parametrize(
    ("set_", "missing"), [("UCLOUD_PUBLIC_KEY", "UCLOUD_PRIVATE_KEY"), ("UCLOUD_PRIVATE_KEY", "UCLOUD_PUBLIC_KEY")]
)
def test_half_a_pair_is_not_completed_by_a_profile(home: Path, set_: str, missing: str) -> None:
    """Halves of two pairs would be refused by the API in words that puzzle."""
    message = refusal({"HOME": str(home), set_: "hunter2"})
    assert message == f"{missing}: is not set, but {set_} is: set it or {missing}_FILE"


@pytest.mark.parametrize("key", ["hunter 2", "hunter2\n", "hunter\udcff2"])
@pytest.mark.parametrize("variable", ["UCLOUD_PUBLIC_KEY", "UCLOUD_PRIVATE_KEY", "UCLOUD_SECURITY_TOKEN"])
def test_a_key_that_cannot_be_one_is_not_shown(variable: str, key: str) -> None:
    """Blanks, newlines and undecodable bytes are slips of copying."""
    message = refusal({**KEYS, variable: key})
    assert message.startswith(f"{variable}: contains a blank, control or undecodable character")


def test_keys_from_files_lose_their_newline(mounted: dict[str, str]) -> None:
    """Editors and ``echo`` end files with one."""
    _, source = load({}, mounted)
    assert source.current() == Credentials("public-1", "hunter-1")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"hunter 2", "contains a blank"),
        (b"hunter\xff2", "is not UTF-8"),
        (b"x" * (1024 * 1024 + 1), "is longer than"),
    ],
)
def test_an_unusable_secret_file_is_told_by_its_variable(
    mounted: dict[str, str], tmp_path: Path, content: bytes, words: str
) -> None:
    """At the start there is no earlier key to go on with."""
    file = tmp_path / "private"
    file.write_bytes(content)
    message = refusal(mounted)
    assert message.startswith("UCLOUD_PRIVATE_KEY_FILE")
    assert str(file) in message
    assert words in message


def test_a_missing_secret_file_is_told_by_its_variable(tmp_path: Path) -> None:
    """The error has the path and the system's reason."""
    file = tmp_path / "nowhere"
    message = refusal({"UCLOUD_PUBLIC_KEY": "p", "UCLOUD_PRIVATE_KEY_FILE": str(file)})
    reason = "No such file or directory"
    assert message == f"UCLOUD_PRIVATE_KEY_FILE: cannot read {file} ({reason}): name a file that can be read"


def test_both_forms_of_a_credential_are_an_error(mounted: dict[str, str]) -> None:
    """Which of them should count is not for us to guess."""
    message = refusal({**mounted, "UCLOUD_PRIVATE_KEY": "hunter2"})
    assert message == "UCLOUD_PRIVATE_KEY: UCLOUD_PRIVATE_KEY_FILE is set too: keep one of the two"


def test_a_changed_secret_is_reread(mounted: dict[str, str], tmp_path: Path) -> None:
    """Rotation needs no restart, and the old key is still kept out of logs."""
    _, source = load({}, mounted)
    write(tmp_path / "private", "hunter-2\n")
    assert source.current() == Credentials("public-1", "hunter-2")
    assert source.take_problem() is None
    assert source.secrets() == {"public-1", "hunter-1", "hunter-2"}


def test_a_file_touched_without_a_change_gives_the_same_object(mounted: dict[str, str], tmp_path: Path) -> None:
    """What did not change is no rotation."""
    _, source = load({}, mounted)
    before = source.current()
    write(tmp_path / "private", "hunter-1")
    assert source.current() is before


def test_a_secret_changed_in_place_is_reread(mounted: dict[str, str], tmp_path: Path) -> None:
    """Same inode, another length."""
    _, source = load({}, mounted)
    (tmp_path / "private").write_text("hunter-two\n")
    assert source.current().private_key == "hunter-two"


def test_a_token_is_reread_too(tmp_path: Path) -> None:
    """Temporary credentials change by the hour."""
    token = write(tmp_path / "token", "token-1")
    _, source = load({}, {**KEYS, "UCLOUD_SECURITY_TOKEN_FILE": str(token)})
    write(token, "token-2")
    assert source.current().security_token == "token-2"


def test_a_kubernetes_secret_is_followed_through_its_links(tmp_path: Path) -> None:
    """The kubelet writes a new directory and swaps one link, under which all files change at once."""
    for version in ("1", "2"):
        write(tmp_path / f"..v{version}/public", f"public-{version}")
        write(tmp_path / f"..v{version}/private", f"hunter-{version}")
    (tmp_path / "..data").symlink_to("..v1")
    for name in ("public", "private"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    _, source = load(
        {},
        {"UCLOUD_PUBLIC_KEY_FILE": str(tmp_path / "public"), "UCLOUD_PRIVATE_KEY_FILE": str(tmp_path / "private")},
    )
    assert source.current() == Credentials("public-1", "hunter-1")
    (tmp_path / "..data_tmp").symlink_to("..v2")
    (tmp_path / "..data_tmp").replace(tmp_path / "..data")
    assert source.current() == Credentials("public-2", "hunter-2")


def test_a_swap_in_the_middle_of_reading_gives_no_mixed_pair(tmp_path: Path) -> None:
    """The pair is read again when a file changed meanwhile."""
    public, private = write(tmp_path / "public", "public-1"), write(tmp_path / "private", "hunter-1")

    def read() -> Credentials:
        public_key = public.read_text()
        if public_key == "public-1":
            write(public, "public-2")
            write(private, "hunter-2")
        return Credentials(public_key, private.read_text())

    assert CredentialSource(read, (public, private)).current() == Credentials("public-2", "hunter-2")


def test_files_that_never_rest_are_read_a_few_times_only(tmp_path: Path) -> None:
    """A file rewritten all the time cannot hold up the start; the next request looks again."""
    file = write(tmp_path / "private", "")
    readings = count()

    def read() -> Credentials:
        text = "x" * next(readings)
        write(file, text)
        return Credentials("public", text)

    source = CredentialSource(read, (file,))
    assert source.current().private_key == "x" * 5
    assert next(readings) == 6


@pytest.mark.parametrize("content", ["", "hunter 3", None])
def test_an_unusable_change_leaves_the_last_good_pair(
    mounted: dict[str, str], tmp_path: Path, content: str | None
) -> None:
    """A file emptied, spoilt or gone does not stop the poller, and is told once."""
    _, source = load({}, mounted)
    good = source.current()
    if content is None:
        (tmp_path / "private").unlink()
    else:
        write(tmp_path / "private", content)
    assert source.current() is good
    problem = source.take_problem()
    assert problem is not None
    assert problem.startswith("UCLOUD_PRIVATE_KEY_FILE")
    assert "hunter" not in problem
    assert source.current() is good
    assert source.take_problem() is None


def test_a_file_that_comes_back_is_read(mounted: dict[str, str], tmp_path: Path) -> None:
    """After a bad change a good one counts, and the problem is over."""
    _, source = load({}, mounted)
    (tmp_path / "private").unlink()
    source.current()
    write(tmp_path / "private", "hunter-2")
    assert source.current().private_key == "hunter-2"
    assert source.take_problem() is None


def test_old_secrets_are_remembered_within_bounds(mounted: dict[str, str], tmp_path: Path) -> None:
    """A year of hourly tokens does not pile up."""
    _, source = load({}, mounted)
    for number in range(50):
        write(tmp_path / "private", f"hunter-{number}")
        source.current()
    assert "hunter-49" in source.secrets()
    assert "hunter-40" in source.secrets()
    assert len(source.secrets()) < 20


def test_a_source_does_not_print_its_keys(home: Path) -> None:
    """Whatever logs the object shows nothing."""
    for environ in (KEYS, {"HOME": str(home)}):
        _, source = load({}, environ)
        assert "hunter" not in repr(source)
        assert "hunter" not in repr(source.current())


def test_the_active_profile_gives_what_is_not_set(home: Path) -> None:
    """Keys, project, region and time limit come from the vendor's files."""
    settings, source = load({}, {"HOME": str(home), "UCLOUD_REGION": "cn-mine"})
    assert source.current() == Credentials("work-public", "hunter-work")
    assert (settings.targets[0].project_id, settings.targets[0].region, settings.timeout) == ("org-w", "cn-mine", 15)


def test_a_named_profile_counts(home: Path) -> None:
    """The name outranks the active mark."""
    settings, source = load({"UCLOUD_PROFILE": "play"}, {"HOME": str(home), "UCLOUD_PROFILE": "work"})
    assert source.current().public_key == "play-public"
    assert (settings.targets[0].project_id, settings.base_url) == ("org-p", "https://play.example")


def test_variables_outrank_the_profile(home: Path) -> None:
    """The profile is for what is not set."""
    _, source = load({}, {**KEYS, "HOME": str(home)})
    assert source.current().public_key == "public"


def test_a_token_goes_with_the_profiles_pair(home: Path, tmp_path: Path) -> None:
    """The vendor's files have no place for one."""
    token = write(tmp_path / "token", "token-1")
    _, source = load({}, {"HOME": str(home), "UCLOUD_SECURITY_TOKEN_FILE": str(token)})
    assert source.current() == Credentials("work-public", "hunter-work", "token-1")


def test_an_unknown_profile_is_told_with_the_known_ones(home: Path) -> None:
    """A slip in the name is easily mended."""
    assert refusal({"HOME": str(home), "UCLOUD_PROFILE": "wrk"}) == (
        "UCLOUD_PROFILE: no profile 'wrk' in the vendor's files: "
        "name one that they have ('empty', 'half', 'play', 'work')"
    )
    assert refusal({**KEYS, "UCLOUD_PROFILE": "x"}).endswith("(none)")


def test_a_profile_with_half_a_pair_is_told(home: Path) -> None:
    """The error says where the missing half belongs."""
    message = refusal({"HOME": str(home), "UCLOUD_PROFILE": "half"})
    assert message.startswith(f"private_key of profile 'half' in {home}/.ucloud/credential.json: is empty")


def test_a_profile_without_keys_is_as_none(home: Path) -> None:
    """The error names the file that was looked into."""
    message = refusal({"HOME": str(home), "UCLOUD_PROFILE": "empty"})
    assert message.endswith(f"or keep them in profile 'empty' of {home}/.ucloud/credential.json")


def test_missing_default_files_are_fine(tmp_path: Path) -> None:
    """Most containers have none."""
    _, source = load({}, {**KEYS, "HOME": str(tmp_path)})
    assert source.current().public_key == "public"


@pytest.mark.parametrize("variable", ["UCLOUD_SHARED_CONFIG_FILE", "UCLOUD_SHARED_CREDENTIAL_FILE", "POLLER_CONFIG"])
def test_missing_named_files_are_an_error(tmp_path: Path, variable: str) -> None:
    """Who names a file means it."""
    message = refusal({**KEYS, variable: str(tmp_path / "nowhere")})
    assert message.startswith(variable)
    assert "No such file or directory" in message


@pytest.mark.parametrize("name", ["config", "credential"])
def test_a_malformed_vendor_file_is_named(home: Path, name: str) -> None:
    """The default file's error names the variable that could name another."""
    write(home / f".ucloud/{name}.json", '[{"private_key": "hunter2"')
    message = refusal({"HOME": str(home)})
    assert message.startswith(f"UCLOUD_SHARED_{name.upper()}_FILE (~/.ucloud/{name}.json): is no JSON array")


def test_named_vendor_files_are_read(home: Path) -> None:
    """Their place is free, and a tilde is the home."""
    (home / ".ucloud/credential.json").rename(home / "keys.json")
    _, source = load({}, {"HOME": str(home), "UCLOUD_SHARED_CREDENTIAL_FILE": "~/keys.json"})
    assert source.current().public_key == "work-public"


def test_a_profiles_keys_are_reread(home: Path) -> None:
    """The vendor's command line may rotate them."""
    _, source = load({}, {"HOME": str(home)})
    file = home / ".ucloud/credential.json"
    write(file, '[{"profile": "work", "public_key": "new", "private_key": "hunter-new"}]')
    assert source.current() == Credentials("new", "hunter-new")
    write(file, "[]")
    assert source.current() == Credentials("new", "hunter-new")
    assert source.take_problem() == (
        "UCLOUD_SHARED_CREDENTIAL_FILE (~/.ucloud/credential.json): profile 'work' has lost its keys: put them back"
    )


def test_the_configuration_file_comes_after_flags_and_environment(tmp_path: Path) -> None:
    """Each source gives what those before it left open."""
    file = write(tmp_path / "poller.toml", 'interval = "3s"\nconcurrency = 3\ncity_ids = ["cn-f"]\nprivate_key = "k"')
    environ = {"UCLOUD_PUBLIC_KEY": "p", "POLLER_CONFIG": str(file), "POLLER_CONCURRENCY": "2", "POLLER_INTERVAL": "2s"}
    settings, source = load({"POLLER_INTERVAL": "1s"}, environ)
    assert (settings.interval, settings.concurrency, settings.targets[0].city_id) == (1.0, 2, "cn-f")
    assert source.current() == Credentials("p", "k")


def test_the_configuration_file_outranks_the_profile(home: Path) -> None:
    """The vendor's files come last."""
    write(home / "poller.toml", 'project_id = "org-f"')
    settings, _ = load({"POLLER_CONFIG": "~/poller.toml"}, {"HOME": str(home)})
    assert (settings.targets[0].project_id, settings.targets[0].region) == ("org-f", "cn-w")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"interval = 10s", "is not TOML: "),
        (b'private_key = "hunter2', "is not TOML: "),
        (b'private_key = "hunter\xff2"', "is not UTF-8"),
    ],
)
def test_a_malformed_configuration_file_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    """The error has the parser's place in the file, and nothing of what is there."""
    file = tmp_path / "poller.toml"
    file.write_bytes(content)
    message = refusal(KEYS, {"POLLER_CONFIG": str(file)})
    assert message.startswith(f"--config: {file} {words}")


def test_a_default_file_out_of_sight_is_as_none(tmp_path: Path) -> None:
    """A container's user may not look into another's home."""
    locked = tmp_path / "locked"
    locked.write_text("a file where the directory would be")
    _, source = load({}, {**KEYS, "HOME": str(locked)})
    assert source.current().public_key == "public"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_default_file_in_sight_that_cannot_be_read_is_an_error(home: Path) -> None:
    """Here the user has a file, and wonders why it does not count."""
    (home / ".ucloud/credential.json").chmod(0)
    assert "Permission denied" in refusal({"HOME": str(home)})


def test_unknown_variables_become_warnings() -> None:
    """They are told with the settings' own."""
    settings, _ = load({}, {**KEYS, "POLLER_CITY_IDS": "x", "POLLER_INTERVALL": "5s"})
    assert settings.warnings == ("POLLER_INTERVALL is not a setting and has no effect: did you mean POLLER_INTERVAL?",)


def test_a_configuration_file_may_have_tables_of_targets(tmp_path: Path) -> None:
    """What they leave out is any source's."""
    file = write(tmp_path / "poller.toml", '[[targets]]\ncity_id = "a"\n[[targets]]\ncity_id = "b"\nregion = "r"')
    settings, _ = load({"UCLOUD_REGION": "s"}, {**KEYS, "POLLER_CONFIG": str(file)})
    assert [(target.city_id, target.region) for target in settings.targets] == [("a", "s"), ("b", "r")]
