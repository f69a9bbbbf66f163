"""The status page of a fleet on a socket, and a real browser to look at it with."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import anyio.lowlevel
from playwright.sync_api import Browser, Page, sync_playwright

from poller.stats import Deadlines
from poller.web.app import create
from poller.web.server import bind, serve
from tests.deploy.tools import path_of
from tests.web.fleets import Fleet

_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def served(fleet: Fleet) -> Iterator[str]:
    """Serve a fleet's page in a thread; give its address."""
    sockets = bind("127.0.0.1", 0)
    address = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    app = create(lambda _accept: (b"", "text/plain"), Deadlines(), fleet.source)
    started = threading.Event()
    stop: list[Any] = []

    async def run() -> None:
        with anyio.CancelScope() as scope:
            stop.extend((scope, anyio.lowlevel.current_token()))
            async with anyio.create_task_group() as group:
                await group.start(serve, app, sockets)
                started.set()

    thread = threading.Thread(target=anyio.run, args=(run,), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield address
    finally:
        scope, token = stop
        anyio.from_thread.run_sync(scope.cancel, token=token)
        thread.join(10)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium, or skip the test where there is none."""
    program = path_of("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_QUIET)
        try:
            yield browser
        finally:
            browser.close()


def overflow(page: Page) -> list[str]:
    """Name the elements that reach beyond the page's right edge."""
    found: str = page.evaluate(
        """() => JSON.stringify([...document.querySelectorAll('body *')]
        .filter(each => each.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
        .filter(each => !each.closest('thead') || getComputedStyle(each.closest('thead')).position !== 'absolute')
        .map(each => each.outerHTML.slice(0, 120)))"""
    )
    named: list[str] = json.loads(found)
    return named
