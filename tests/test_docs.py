"""The documents against the code."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from poller import __version__, events
from poller.cli.commands import cli
from poller.config import SETTINGS
from poller.models import Completion, Job, State, Target, Task
from tests.documents import README, ROOT, TABLES, around

TEXT = README.read_text()
REFERENCE = (ROOT / "docs/reference.md").read_text()


def sample() -> dict[str, Any]:
    """Return the README's event."""
    _, between, _ = around(TEXT, "event")
    event: dict[str, Any] = json.loads(between.strip().removeprefix("```json").removesuffix("```"))
    return event


@pytest.mark.parametrize(("path", "name"), TABLES)
def test_the_documents_have_the_tables_of_the_code(path: str, name: str) -> None:
    """`make docs` brings them in line."""
    _, between, _ = around((ROOT / path).read_text(), name)
    assert between == TABLES[path, name]()


def test_the_readmes_event_keeps_the_schema() -> None:
    """With its formats, and with no field that the schema does not know."""
    schema = events.schema()
    event = sample()
    jsonschema.validate(event, schema, format_checker=jsonschema.FormatChecker())
    assert list(event) == [name for name in schema["$defs"]["JobFinished"]["properties"] if name in event]


def test_the_readmes_event_is_what_the_poller_writes() -> None:
    """From the job that it tells of, to the id."""
    phones = ["uphone-a1", "uphone-a2", "uphone-a3"]
    job = Job(
        job_id="uj-7c1e5b2f9d04",
        job_type="INSTALL_APP",
        state=State.PARTIAL_SUCCESS,
        created=1795482000,
        begun=1795482004,
        ended=1795482121,
        app_version_id="av-31f0",
        uphone_ids=phones,
        tasks=[
            Task(task_id="ut-1", state=State.SUCCESS, uphone_id=phones[0]),
            Task(task_id="ut-2", state=State.SUCCESS, uphone_id=phones[1]),
            Task("ut-3", State.FAILED, phones[2], error_message="no space left on device"),
        ],
    )
    target = Target(project_id="org-x", city_id="cn-hangzhou")
    completion = Completion(job=job, previous_state=State.RUNNING, seen_at=1795482123.456)
    line = events.encode(events.finished(target, completion, execute_messages=False))
    assert json.loads(line) == sample()


def test_the_published_schema_is_what_the_poller_prints() -> None:
    """`poller schema > deploy/event.schema.json` brings it in line."""
    printed = CliRunner().invoke(cli, ["schema"]).output
    assert (ROOT / "deploy" / "event.schema.json").read_text() == printed


def test_the_reference_names_every_command() -> None:
    """And none that is not there."""
    rows = re.findall(r"^\| `poller (\w+)` \|", REFERENCE, re.MULTILINE)
    assert sorted(rows) == sorted(cli.list_commands(cli.make_context("poller", ["schema"])))


@pytest.mark.parametrize("command", ["run", "check"])
def test_help_lists_every_setting(command: str) -> None:
    """Its variable, and its flag if it has one."""
    shown = CliRunner().invoke(cli, [command, "--help"], terminal_width=400, max_content_width=400).output
    missing = [each.variable for each in SETTINGS if each.variable not in shown or (each.flag or "") not in shown]
    assert missing == []


def test_the_readmes_targets_are_in_the_makefile() -> None:
    """Whatever `make …` it mentions."""
    makefile = (ROOT / "Makefile").read_text()
    missing = [name for name in set(re.findall(r"`?make (\w+)`", TEXT)) if f"\n{name}:" not in makefile]
    assert missing == []


def test_the_changelog_has_the_version() -> None:
    """Under its own heading."""
    assert re.search(rf"^## \[{re.escape(__version__)}\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives a page's headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", [README, *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name)
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    """To a file or a directory, and where an anchor is named, to a heading that has it."""
    links = [each for each in re.findall(r"\]\(([^)\s]+)\)", page.read_text()) if "://" not in each]
    targets = [
        (page.parent / path if path else page, anchor) for path, _, anchor in (each.partition("#") for each in links)
    ]
    assert [str(file) for file, _ in targets if not file.exists()] == []
    assert [anchor for file, anchor in targets if anchor and anchor not in anchors(file)] == []
