"""Whether the image can be built for every machine it is meant for: all of the lock as wheels, nothing to compile."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from tests.deploy.tools import ROOT

pytestmark = pytest.mark.slow

OLDEST_GLIBC = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")
"""What a Debian or a Red Hat of today takes."""

_UNREACHABLE = re.compile(r"Could not fetch URL|NewConnectionError|Connection\w*Error|timed out|Name or service")


def wheels(machine: str, python: str, directory: Path) -> list[str]:
    """Ask pip which files it would install from the lock, by hash; skip the test if there is no registry."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--report=-", f"--target={directory}"]
    command += ["--require-hashes", "--no-deps", "--ignore-installed", "--only-binary=:all:", "--retries=1"]
    command += [f"--python-version={python}", *(f"--platform={each}_{machine}" for each in OLDEST_GLIBC)]
    done = subprocess.run(
        [*command, "--requirement", str(ROOT / "requirements.txt")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode and _UNREACHABLE.search(done.stderr):
        pytest.skip("NOT CHECKED: no package registry is reachable")
    assert done.returncode == 0, done.stderr
    urls = [each["download_info"]["url"] for each in json.loads(done.stdout)["install"]]
    return [url.rpartition("/")[2] for url in urls]


def fits(tag: Tag, machine: str) -> bool:
    """Tell whether a wheel is for a kind of machine, or for all."""
    return tag.platform == "any" or tag.platform.endswith(f"_{machine}")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_every_locked_package_is_a_wheel(machine: str, python: str, tmp_path: Path) -> None:
    """For this machine and this Python: the ones that the project supports."""
    names = wheels(machine, python, tmp_path)
    locked = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    parsed = {name: (distribution, tags) for name in names for distribution, _, _, tags in [parse_wheel_filename(name)]}
    assert {distribution for distribution, _ in parsed.values()} <= set(locked)
    assert {"msgspec", "httpx2", "uvicorn"} <= {distribution for distribution, _ in parsed.values()}
    assert [name for name, (_, tags) in parsed.items() if not any(fits(tag, machine) for tag in tags)] == []
