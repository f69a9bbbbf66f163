"""The signed form that every action is asked with, and one of which all pages but for two numbers are the same."""

from collections.abc import Mapping
from hashlib import sha1
from urllib.parse import urlencode

from poller.models import Query, Target
from poller.signature import Credentials, sign


def signed(params: Mapping[str, str], target: Target, credentials: Credentials) -> bytes:
    """Write the body of a form POST: an action's own parameters, those of its target, and the signature."""
    everything = _complete(params, target, credentials)
    everything["Signature"] = sign(everything, credentials.private_key)
    return urlencode(everything).encode()


class PageForm:
    """The forms of one listing's pages, which differ in ``Offset`` and ``Limit``: written once, signed for each.

    Writing a whole form for each page costs half as much as decoding the answer.
    """

    __slots__ = ("_body", "_signed_after", "_signed_before")

    def __init__(self, params: Mapping[str, str], target: Target, credentials: Credentials) -> None:
        everything = _complete(params, target, credentials)
        # Parameters are signed in the order of their names, where nothing of ours stands between Limit and Offset.
        names = sorted(everything)
        self._signed_before = "".join(name + everything[name] for name in names if name < "Limit")
        self._signed_after = "".join(name + everything[name] for name in names if name > "Offset")
        self._signed_after += credentials.private_key
        self._body = urlencode(everything)

    def page(self, query: Query) -> bytes:
        """Write the signed body for one page."""
        limit, offset = query.limit, query.offset
        text = f"{self._signed_before}Limit{limit}Offset{offset}{self._signed_after}"
        signature = sha1(text.encode(), usedforsecurity=False).hexdigest()
        return f"{self._body}&Limit={limit}&Offset={offset}&Signature={signature}".encode()


def _complete(params: Mapping[str, str], target: Target, credentials: Credentials) -> dict[str, str]:
    common = {
        "PublicKey": credentials.public_key,
        "ProductType": target.product_type,
        "ProjectId": target.project_id,
        "Region": target.region,
        "SecurityToken": credentials.security_token,
    }
    return {**params, **{name: value for name, value in common.items() if value is not None}}
