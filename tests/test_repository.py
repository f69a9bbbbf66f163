"""The repository against itself: lock files, layers, image."""

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from poller import __version__
from poller.config import SETTINGS

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME, BUILD, DEV = (ROOT / name for name in ("requirements.txt", "requirements-build.txt", "requirements-dev.txt"))

WANTED = {
    RUNTIME: PROJECT["project"]["dependencies"],
    BUILD: PROJECT["build-system"]["requires"],
    DEV: [
        *PROJECT["project"]["dependencies"],
        *PROJECT["build-system"]["requires"],
        *(each for each in PROJECT["dependency-groups"]["dev"] if isinstance(each, str)),
    ],
}


def entries(lock: Path) -> list[str]:
    """Return a lock's entries, each on one line with its hashes."""
    return lock.read_text().replace("\\\n", "").splitlines()


def pins(lock: Path) -> dict[str, Version]:
    """Return the locked versions by name."""
    found = (re.match(r"([\w.-]+)==(\S+)", entry) for entry in entries(lock))
    return {canonicalize_name(each[1]): Version(each[2]) for each in found if each}


def tracked() -> Iterator[tuple[str, str]]:
    """Yield the name and text of every file that belongs to the repository; a picture as far as it is text."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():
            yield name, (ROOT / name).read_text(errors="replace")


@pytest.mark.parametrize("lock", WANTED, ids=lambda lock: lock.name)
def test_a_lock_satisfies_the_project(lock: Path) -> None:
    """Whoever changes a dependency runs `make lock`."""
    locked = pins(lock)
    wanted = map(Requirement, WANTED[lock])
    unmet = [
        str(each) for each in wanted if locked.get(canonicalize_name(each.name), Version("0")) not in each.specifier
    ]
    assert unmet == []


@pytest.mark.parametrize("lock", WANTED, ids=lambda lock: lock.name)
def test_a_lock_has_exact_versions_and_hashes_alone(lock: Path) -> None:
    """No option, no address, nothing that pip would take unchecked."""
    form = re.compile(r"[\w.-]+==\S+( ; [^#@]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*")
    assert [entry for entry in entries(lock) if not form.fullmatch(entry)] == []


def test_the_locks_agree() -> None:
    """What is tested is what is deployed."""
    dev = pins(DEV)
    assert {name: dev.get(name) for name in (pins(RUNTIME) | pins(BUILD))} == pins(RUNTIME) | pins(BUILD)


def test_the_build_group_is_what_the_build_requires() -> None:
    """The lock of the build is made of the group."""
    assert PROJECT["dependency-groups"]["build"] == PROJECT["build-system"]["requires"]


def test_no_file_names_a_package_index_or_somebodys_home() -> None:
    """Where packages come from is for each machine to say."""
    forbidden = re.compile(
        r"--(extra-)?index-url|--find-links|\bPIP_\w*(INDEX|LINKS)|file:///|(?<!\w)/(root|home)/\w", re.ASCII
    )
    here = Path(__file__).relative_to(ROOT).as_posix()
    assert [name for name, text in tracked() if name != here and forbidden.search(text)] == []


def test_coverage_asks_for_all_of_the_core() -> None:
    """The Makefile's core is that of the contract on layers."""
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    (core,) = (each["source_modules"] for each in contracts if each["name"].startswith("The core"))
    (words,) = re.findall(r"^CORE := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert sorted(f"poller.{word.removesuffix('/*')}" for word in words.split()) == sorted(core)


def test_the_image_has_the_locked_packages_alone() -> None:
    """Every package that comes from an index comes from a lock, and all else is installed without one."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    commands = re.findall(r"pip\b[^&|;]*?\b(?:install|wheel)\b[^&|;\n]*", text)
    locked = [shlex.split(each) for each in commands if "--no-index" not in each]
    assert [words[-1] for words in locked] == [BUILD.name, RUNTIME.name]
    assert all("--require-hashes" in words for words in locked)
    assert len(commands) > len(locked)


def test_the_image_tells_the_version() -> None:
    """A label is all that a registry shows."""
    assert f'org.opencontainers.image.version="{__version__}"' in (ROOT / "Dockerfile").read_text()


def test_the_image_is_run_without_a_shell_or_root() -> None:
    """Signals reach the poller, and a number is what Kubernetes can check."""
    text = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", text, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["poller"\]$', text, re.MULTILINE)
    assert re.search(r'^HEALTHCHECK .*CMD \["poller", "health"\]$', text, re.MULTILINE)


def test_the_image_names_the_port_that_the_poller_listens_at() -> None:
    """The default of the setting."""
    [listen] = [setting.default for setting in SETTINGS if setting.variable == "POLLER_LISTEN"]
    assert re.findall(r"^EXPOSE (.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE) == [str(listen).strip(":")]


@pytest.mark.parametrize("path", ["README.md", "docs/reference.md", "deploy/compose.yaml"])
def test_a_sample_sets_only_what_exists(path: str) -> None:
    """Variables in it are settings."""
    named = set(re.findall(r"\b(?:POLLER|UCLOUD)_[A-Z_]+\b", (ROOT / path).read_text()))
    assert named <= {setting.variable for setting in SETTINGS}
