"""The edge to the API: admission, HTTP, retries. What it brings is decoded by `poller.wire`."""

from poller.lister.client import Lister
from poller.lister.gate import Gate
from poller.lister.network import open_client

__all__ = ["Gate", "Lister", "open_client"]
