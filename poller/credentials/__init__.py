"""Where settings and credentials are read from disk: the configuration file, the vendor's profiles, mounted secrets."""

from poller.credentials.loading import load
from poller.credentials.source import CredentialSource

__all__ = ["CredentialSource", "load"]
