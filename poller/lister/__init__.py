"""The edge to the API: admission, HTTP, retries. What it brings is decoded by `poller.wire`."""

from poller.lister.client import Lister, open_client
from poller.lister.gate import Gate

__all__ = ["Gate", "Lister", "open_client"]
