"""The status page in a real browser: nothing of it is obeyed that came from outside, and all of it can be read."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request

from poller.simulator.options import Options
from tests.deploy.browsing import chromium, overflow, served
from tests.e2e.live import LiveApi, Poller, wait_until
from tests.web.fleets import Fleet, healthy, hostile, large, one, outage

FLEETS = [one, healthy, outage, large, hostile]
SCREENS = [(360, 740), (390, 844), (768, 1024), (1101, 700), (1200, 800), (1280, 900), (1920, 1080)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return one browser for all of them."""
    with chromium() as found:
        yield found


@pytest.mark.parametrize("make", FLEETS)
@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_nothing_reaches_beyond_the_screen(
    browser: Browser, make: Callable[[], Fleet], width: int, height: int
) -> None:
    """Neither the page nor an element scrolls sideways, whatever the texts."""
    page = browser.new_page(viewport={"width": width, "height": height})
    with served(make()) as address:
        page.goto(address)
        assert overflow(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


@pytest.mark.parametrize("make", FLEETS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_runs_and_nothing_is_fetched(browser: Browser, make: Callable[[], Fleet], scheme: str) -> None:
    """One request, no message on the console (a violation of the policy would be one), no dialog, no script."""
    page = browser.new_page(color_scheme="dark" if scheme == "dark" else "light")
    messages, dialogs, requests = _listen(page)
    with served(make()) as address:
        page.goto(address, wait_until="networkidle")
        assert (messages, dialogs, requests) == ([], [], [f"{address}/"])
        assert page.locator("script, img, iframe, object, embed, form, [style]").count() == 0
        assert page.title() != "run"
    page.close()


def _listen(page: Page) -> tuple[list[str], list[str], list[str]]:
    messages: list[str] = []
    dialogs: list[str] = []
    requests: list[str] = []

    def note(message: ConsoleMessage) -> None:
        messages.append(message.text)

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    def ask(request: Request) -> None:
        if not request.url.startswith("data:"):
            requests.append(request.url)

    page.on("console", note)
    page.on("dialog", dismiss)
    page.on("request", ask)
    return messages, dialogs, requests


def test_the_policy_would_keep_a_script_from_running(browser: Browser) -> None:
    """Were one to get in, the browser would not run it, nor fetch an image for it."""
    page = browser.new_page()
    messages, _, _ = _listen(page)
    with served(healthy()) as address:
        page.goto(address)
        page.evaluate(
            """() => { const script = document.createElement('script'); script.textContent = "document.title = 'run'";
            document.body.append(script); const image = new Image(); image.src = '/metrics'; }"""
        )
        page.wait_for_timeout(100)
        assert page.title() == "All is well - UPhone job poller"
        assert any("script-src" in each or "default-src" in each for each in messages)
    page.close()


def test_the_page_cannot_be_framed(browser: Browser) -> None:
    """Nobody can put it beneath another page's buttons."""
    page = browser.new_page()
    with served(healthy()) as address, served(healthy()) as other:
        page.goto(f"{other}/livez")
        page.evaluate(
            """(address) => new Promise((done) => { const frame = document.createElement('iframe');
            frame.src = address; frame.onload = done; document.body.append(frame); })""",
            address,
        )
        assert all("UPhone" not in frame.content() for frame in page.frames[1:])
    page.close()


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_no_state_is_cut(browser: Browser, width: int, height: int) -> None:
    """PARTIAL_SUCCESS is the widest; half of it might be taken for SUCCESS."""
    page = browser.new_page(viewport={"width": width, "height": height})
    with served(healthy()) as address:
        page.goto(address)
        assert page.get_by_text("PARTIAL_SUCCESS", exact=True).count() > 0
        cut = "all => all.filter(each => { const cell = each.closest('td').getBoundingClientRect();"
        cut += " return each.getBoundingClientRect().right > cell.right + 0.5; }).map(each => each.outerHTML)"
        assert page.locator(".badge").evaluate_all(cut) == []
    page.close()


# WCAG 2.2: 4.5 to 1 for text, relative luminance as it defines it.
_CONTRAST = """() => {
  const rgb = (text) => { const found = text.match(/[\\d.]+/g).map(Number); return found[3] === 0 ? null : found; };
  const linear = (part) => part <= 0.04045 * 255 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ground = (each) => rgb(getComputedStyle(each).backgroundColor)
    || (each.parentElement ? ground(each.parentElement) : [255, 255, 255]);
  return [...document.querySelectorAll('body *')]
    .filter((each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .map((each) => [light(rgb(getComputedStyle(each).color)), light(ground(each)), each.outerHTML.slice(0, 80)])
    .map(([ink, paper, html]) => [(Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05), html])
    .filter(([ratio]) => ratio < 4.5);
}"""


@pytest.mark.parametrize("make", [healthy, outage])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast(browser: Browser, make: Callable[[], Fleet], scheme: str) -> None:
    """4.5 to 1 at the least, in both schemes."""
    page = browser.new_page(color_scheme="dark" if scheme == "dark" else "light")
    with served(make()) as address:
        page.goto(address)
        assert page.evaluate(_CONTRAST) == []
    page.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_a_screen_reader_finds_tables_and_headings(browser: Browser, width: int) -> None:
    """On a phone too, where rows look like cards."""
    page = browser.new_page(viewport={"width": width, "height": 844})
    with served(healthy()) as address:
        page.goto(address)
        assert page.get_by_role("heading", level=1).count() == 1
        targets = page.get_by_role("region", name="Targets").get_by_role("table")
        assert targets.get_by_role("columnheader").first.inner_text() == "Target"
        assert targets.get_by_role("rowheader").count() == 3
    page.close()


def test_the_page_reloads_itself_without_javascript(browser: Browser) -> None:
    """A browser that runs none shows what has changed."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    fleet = healthy()
    fleet.stats.interval = 5.0
    with served(fleet) as address:
        page.goto(address)
        fleet.stats.events.written = 9_876
        page.get_by_text("9,876").wait_for(timeout=15_000)
    context.close()


def test_the_page_of_a_real_poller_shows_its_jobs(browser: Browser) -> None:
    """From the API to the screen."""
    page = browser.new_page()
    messages, _, _ = _listen(page)
    options = Options(seed=5, active_jobs=6, queue_time=(0.5, 2.0), run_time=(0.5, 3.0))
    with LiveApi(options) as api, Poller(api.url) as poller:
        wait_until(lambda: len(poller.events) >= 5, "some events")
        page.goto(poller.address)
        newest = page.get_by_role("region", name="Newest completions")
        shown = newest.get_by_role("rowheader").all_inner_texts()
        assert page.title() == "All is well - UPhone job poller"
        assert shown
        assert set(shown) <= poller.reported
        assert messages == []
    page.close()
