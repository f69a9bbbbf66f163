"""Writes what was measured into docs/performance.md, between the comments that name a region and its end."""

import os
import platform
from pathlib import Path
from typing import Final

from tests.benchmarks.running import ROOT
from tests.documents import around

PAGE: Final = ROOT / "docs/performance.md"


def machine() -> str:
    """Describe, in a line, what was measured on."""
    names = [line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    cpus = f"{os.cpu_count()} CPUs ({names[0] if names else platform.machine()})"
    return f"CPython {platform.python_version()}, {platform.system()} {platform.machine()}, {cpus}"


def paste(region: str, text: str) -> None:
    """Put a text into a region of the page, in place of what is there. Raises LookupError."""
    before, _, after = around(PAGE.read_text(), region)
    PAGE.write_text(f"{before}{text}\n{after}")
