"""Containers for real: podman and runc over a store of their own, which goes when the tests have ended."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from poller import __version__
from tests.deploy.tools import ROOT, need, path_of

IMAGE: Final = f"localhost/uphone-job-poller:{__version__}"
BASE: Final = "localhost/uphone-job-poller-base:trixie"

HARDENED: Final = (
    "--network=host",
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
)
"""What docs/operations.md says to run the image with; the network is the host's, where the simulator is."""

_ULIMITS: Final = 'default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]'
"""podman's own are higher than what a container may set where it has lost CAP_SYS_RESOURCE."""

_BUILD_SECONDS: Final = 600.0


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Engine:
    """podman with its images and containers in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        configuration = directory / "containers.conf"
        configuration.write_text(
            f'[containers]\n{_ULIMITS}\n[network]\nnetwork_config_dir = "{directory / "networks"}"\n', encoding="utf-8"
        )
        self.environment = {
            # The network's plugins look for iptables, which is where only root looks.
            "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
            "CONTAINERS_CONF": str(configuration),
            # Health checks are asked for by the tests, not by timers of systemd.
            "DISABLE_HC_SYSTEMD": "true",
        }
        self.command = [
            path_of("podman"),
            f"--root={directory / 'storage'}",
            f"--runroot={directory / 'run'}",
            "--storage-driver=overlay",
            f"--runtime={path_of('runc')}",
            "--cgroup-manager=cgroupfs",
        ]

    def build(self) -> None:
        """Build the image by deploy/image/build; fail with all that it said if it fails."""
        command = [str(ROOT / "deploy/image/build"), str(self.directory), IMAGE]
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_BUILD_SECONDS, check=False
        )
        assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}"

    def podman(self, *arguments: str, timeout: float = 120.0) -> str:
        """Run podman and return what it prints; fail with all that it said if it fails."""
        done = self.attempt(*arguments, timeout=timeout)
        assert done.returncode == 0, f"podman {arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def attempt(self, *arguments: str, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run podman, whatever becomes of it."""
        command = [*self.command, *arguments]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        """Tell all that podman knows of an image or a container."""
        found: list[dict[str, Any]] = json.loads(self.podman(kind, "inspect", name))
        return found[0]

    def logs(self, container: str) -> tuple[list[str], list[str]]:
        """Return the lines of stdout and of stderr so far."""
        done = self.attempt("logs", container)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines(), done.stderr.splitlines()

    @contextmanager
    def container(self, *arguments: str) -> Iterator[str]:
        """Start a container, give its id, and remove it in the end."""
        container = self.podman("run", "--detach", *arguments).strip()
        try:
            yield container
        finally:
            self.podman("rm", "--force", "--time=0", container)

    def close(self) -> None:
        """Remove every container, image and volume, and the directory."""
        self.attempt("pod", "rm", "--all", "--force")
        self.attempt("rm", "--all", "--force", "--time=0")
        self.attempt("volume", "rm", "--all", "--force")
        self.attempt("rmi", "--all", "--force")
        # podman keeps its storage mounted onto itself.
        subprocess.run(["umount", str(self.directory / "storage/overlay")], capture_output=True, check=False)
        shutil.rmtree(self.directory)


def need_engine() -> None:
    """Skip the test unless an image can be built and run here."""
    need("buildah", "mmdebstrap", "podman", "runc")
    if os.geteuid() != 0:
        pytest.skip("containers with limits need root")
