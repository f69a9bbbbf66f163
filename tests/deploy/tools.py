"""The programs that the deployment is tested with; a test that lacks one is skipped, and says what would bring it."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "deploy"

_PACKAGES: Final = {
    "alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
    "buildah": "buildah",
    "catatonit": "catatonit",
    "chromium": "chromium",
    "iptables": "iptables",
    "kubectl": "kubernetes-client",
    "mmdebstrap": "mmdebstrap",
    "podman": "podman",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "rsyslogd": "rsyslog",
    "runc": "runc",
}
"""By program, the Debian package that has it."""

_INSTALLED: Final = {"docker-compose"}
"""What comes from requirements-deploy.txt."""


def need(*programs: str) -> None:
    """Skip the test unless all the programs are there."""
    missing = {program for program in programs if _find(program) is None}
    if missing & _INSTALLED:
        pytest.skip("not installed: make .venv/deploy.stamp")
    if missing:
        pytest.skip(f"not on this machine: apt install {' '.join(sorted({_PACKAGES[each] for each in missing}))}")


def path_of(program: str) -> str:
    """Return where a program is; skip the test if it is nowhere."""
    need(program)
    found = _find(program)
    assert found is not None
    return found


def run(program: str, *arguments: str, timeout: float = 120.0) -> str:
    """Run a program in the checkout and return what it prints; fail with all that it said if it fails."""
    command = [path_of(program), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def _find(program: str) -> str | None:
    # Debian has the Alertmanager under a longer name, and runc where only root looks.
    names = (program, f"prometheus-{program}")
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
    return next((found for name in names if (found := shutil.which(name) or shutil.which(name, path=path))), None)
