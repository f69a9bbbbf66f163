"""Takes the README's picture of the status page: ``python -m tests.deploy.status_picture docs/status.png``."""

import sys

from tests.deploy.browsing import chromium, served
from tests.web.fleets import healthy


def take(path: str) -> None:
    """Write a picture of a healthy fleet's page, as far as a large screen shows it."""
    with chromium() as browser, served(healthy()) as address:
        page = browser.new_page(viewport={"width": 1240, "height": 970}, color_scheme="light")
        page.goto(address)
        page.screenshot(path=path)


if __name__ == "__main__":
    take(sys.argv[1])
