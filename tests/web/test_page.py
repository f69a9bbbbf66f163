"""The status page and ``/status.json`` over HTTP, without a socket."""

import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from html.parser import HTMLParser

import httpx2
import pytest

from poller.stats import Deadlines
from poller.web.app import create
from tests.web.fleets import HOSTILE, Fleet, healthy, hostile, large, one, outage

pytestmark = pytest.mark.anyio

FLEETS = [one, healthy, outage, large, hostile]


@asynccontextmanager
async def browse(fleet: Fleet) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client for a fleet's page."""
    app = create(lambda _accept: (b"", "text/plain"), Deadlines(), fleet.source)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://poller") as client:
        yield client


async def page(fleet: Fleet, path: str = "/") -> str:
    """Return a fleet's page."""
    async with browse(fleet) as client:
        answer = await client.get(path)
        assert answer.status_code == 200
        return answer.text


class Outline(HTMLParser):
    """What a page consists of; that every element is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append(tag)
        self.attributes.extend((tag, name, value) for name, value in attrs)
        if tag not in {"meta", "link", "br"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Hold it against the one that is open."""
        assert self._open.pop() == tag


@pytest.mark.parametrize("make", FLEETS)
async def test_a_page_is_well_formed_and_made_of_known_elements(make: Callable[[], Fleet]) -> None:
    """Whatever texts there are, no element is theirs."""
    known = """html head meta title link style body header main footer nav section h1 h2 p ul li a time dl div dt dd
    small table caption thead tbody tr th td span bdi"""
    assert set(Outline(await page(make())).tags) <= set(known.split())


@pytest.mark.parametrize("make", FLEETS)
async def test_no_attribute_but_ours_is_set(make: Callable[[], Fleet]) -> None:
    """No handler, no inline style, and no link that leads elsewhere."""
    outline = Outline(await page(make()))
    names = {name for _, name, _ in outline.attributes}
    assert not any(name.startswith("on") or name == "style" for name in names)
    links = {value for tag, name, value in outline.attributes if name == "href" and tag == "a"}
    assert links == {"/?refresh=off", "/status.json", "/metrics", "/livez", "/readyz"}


async def test_every_table_has_a_caption_and_headings_with_a_scope() -> None:
    """A screen reader can tell where in a table it is."""
    outline = Outline(await page(healthy()))
    scopes = [value for tag, name, value in outline.attributes if tag == "th" and name == "scope"]
    assert outline.tags.count("table") == outline.tags.count("caption") > 4
    assert len(scopes) == outline.tags.count("th")


async def test_every_reference_to_an_id_has_one() -> None:
    """Regions are named by their headings."""
    attributes = Outline(await page(healthy())).attributes
    named = [value for _, name, value in attributes if name == "aria-labelledby"]
    ids = [value for _, name, value in attributes if name == "id"]
    assert set(named) <= set(ids)
    assert len(ids) == len(set(ids))


async def test_the_policy_allows_the_style_sheet_and_nothing_else() -> None:
    """Its hash is that of what the page has; no script, no frame, no other source."""
    async with browse(healthy()) as client:
        answer = await client.get("/")
    [sheet] = re.findall("<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = b64encode(sha256(sheet.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"].split("; ")
    assert f"style-src 'sha256-{digest}'" in policy
    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} <= set(policy)
    assert "unsafe" not in answer.headers["content-security-policy"]


async def test_the_page_is_not_stored_and_tells_no_other_site() -> None:
    """Nor is its type guessed."""
    async with browse(healthy()) as client:
        headers = (await client.get("/")).headers
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(("interval", "seconds"), [(0.2, 5), (10, 10), (3600, 60)])
async def test_the_page_reloads_itself_about_once_an_interval(interval: float, seconds: int) -> None:
    """Neither in a hurry nor for ever stale."""
    fleet = one()
    fleet.stats.interval = interval
    assert f'<meta http-equiv="refresh" content="{seconds}">' in await page(fleet)


async def test_a_reader_can_hold_the_page() -> None:
    """One that reloads under a slow reader's eyes is of no use to them."""
    text = await page(healthy(), "/?refresh=off")
    assert "http-equiv" not in text
    assert 'href="/"' in text


@pytest.mark.parametrize(
    ("make", "title"),
    [
        (one, "Starting - UPhone job poller"),
        (healthy, "All is well - UPhone job poller"),
        (outage, "3 of 3 targets in trouble - UPhone job poller"),
        (large, "5 of 200 targets in trouble - UPhone job poller"),
    ],
)
async def test_the_title_tells_the_state(make: Callable[[], Fleet], title: str) -> None:
    """A tab in the background is enough."""
    assert f"<title>{title}</title>" in await page(make())


async def test_hostile_texts_are_shown_and_not_obeyed() -> None:
    """Markup is escaped; controls, bidi overrides and lone surrogates are shown by their numbers."""
    text = await page(hostile())
    assert "&lt;script&gt;" in text
    assert "\\u202e\\u2066\\u2028\\ud800\\x85" in text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028]", text)


async def test_the_page_is_bounded_however_many_targets_there_are() -> None:
    """Fifty are shown, and the number of the rest."""
    text = await page(large(targets=1000, jobs=5))
    assert "and 950 more" in text
    assert len(text) < 100_000


async def test_the_worst_page_is_bounded() -> None:
    """Every text at its longest, and each of its characters shown by a number."""
    fleet = large(targets=200, jobs=5)
    for target in fleet.targets:
        fleet.fail(target, "\u202e" * 1000, "\u202e" * 10_000)
        fleet.end(target, "\u202e" * 85, None, ago=1, error="\u202e" * 10_000)
    assert len(await page(fleet)) < 400_000


async def test_the_data_is_json_that_any_parser_takes() -> None:
    """No lone surrogate, no control, nothing but ASCII."""
    async with browse(hostile()) as client:
        answer = await client.get("/status.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.content.isascii()
    assert json.dumps(answer.json(), ensure_ascii=False).encode()


async def test_the_data_is_bounded_likewise() -> None:
    """The same fifty."""
    async with browse(large(targets=1000, jobs=5)) as client:
        answer = await client.get("/status.json")
    assert len(answer.json()["targets"]) == 50
    assert answer.json()["target_counts"]["total"] == 1000
    assert len(answer.content) < 60_000


async def test_long_pages_are_compressed_for_who_takes_it() -> None:
    """A phone on a slow line gets a tenth."""
    async with browse(healthy()) as client:
        answer = await client.get("/", headers={"Accept-Encoding": "gzip"})
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert HOSTILE not in answer.text
