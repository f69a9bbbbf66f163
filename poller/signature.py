"""The vendor's request signature, shared by the poller and the simulator.

Source: https://docs.ucloud.cn/api/summary/signature and what the vendor's own SDKs do.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from hashlib import sha1
from urllib.parse import quote_plus

from msgspec import Struct

Value = str | int | float | bool


class Credentials(Struct, frozen=True):
    """A key pair; ``security_token`` goes with temporary ones. Shows none of itself when printed."""

    public_key: str
    private_key: str
    security_token: str | None = None

    def __repr__(self) -> str:
        return "Credentials(…)"

    def redact(self, text: str) -> str:
        """Blot out the keys and the token where a text quotes them, bare or as a form has them."""
        for secret in _forms(self):
            text = text.replace(secret, "[redacted]")
        return text


@lru_cache(maxsize=8)  # every answer is looked through
def _forms(credentials: Credentials) -> list[str]:
    """Return what must not be quoted, the longest first."""
    parts = filter(None, (credentials.public_key, credentials.private_key, credentials.security_token))
    forms = {form for part in parts for form in (part, quote_plus(part))}
    return sorted(forms, key=len, reverse=True)


def encode_value(value: Value) -> str:
    """Write a parameter as the signature and the form body need it.

    Booleans are ``true`` and ``false``; a float without a fraction drops it; no scientific notation.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        exact = format(Decimal(repr(value)), "f")
        return exact.rstrip("0").rstrip(".") if "." in exact else exact
    return str(value)


def sign(params: Mapping[str, str], private_key: str) -> str:
    """Sign encoded parameters, ``PublicKey`` among them: 40 lower-case hexadecimal digits."""
    joined = "".join(name + params[name] for name in sorted(params))
    # SHA-1 is the vendor's choice of protocol, not ours.
    return sha1((joined + private_key).encode(), usedforsecurity=False).hexdigest()
