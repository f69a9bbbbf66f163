"""The simulated gateway: parameters and a time in, an answer out. No clock and no socket."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from hmac import compare_digest
from types import MappingProxyType

from poller.signature import Credentials, sign
from poller.simulator.answers import ENDINGS, RET_CODES, Answer, Content, Ending, Trouble, instead
from poller.simulator.bucket import TokenBucket
from poller.simulator.listings import Document, Listings
from poller.simulator.lots import Lots, draw
from poller.simulator.options import Fault, Options, Outage
from poller.simulator.parameters import Parameters, Refusal, read_product_type
from poller.simulator.rows import encode, integer
from poller.simulator.world import World

_Action = Callable[[Parameters, float, Lots], Document]


@dataclass(slots=True)
class Counts:
    """What has been asked and decided: a connection that is cut has its RetCode counted too.

    ``throttled`` counts requests beyond the rate limit, ``ret_codes`` those and the faults that look like them.
    """

    requests: int = 0
    throttled: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    ret_codes: Counter[int] = field(default_factory=Counter)
    faults: Counter[Fault] = field(default_factory=Counter)
    outages: Counter[Outage] = field(default_factory=Counter)


class Api:
    """Answers requests about a world; the same sequence of requests always gets the same answers."""

    def __init__(self, options: Options, world: World) -> None:
        self.counts = Counts()
        self._options = options
        self._world = world
        self._bucket = None if options.rate_limit is None else TokenBucket(options.rate_limit)
        self._actions: MappingProxyType[str, _Action] = MappingProxyType(
            {
                "DescribeUPhoneJob": Listings(options, world).page,
                "DescribeUPhoneCities": self._describe_cities,
            }
        )

    def answer(self, params: Parameters, now: float) -> Answer:
        """Answer a request with these decoded parameters that came at a Unix time."""
        lots = draw(self._options, self.counts.requests)
        self.counts.requests += 1
        action = params.get("Action", "")
        self.counts.actions[action if action in self._actions else "other"] += 1
        # Each request counts against the limit, whatever else becomes of it: a function of their times alone.
        throttled = self._bucket is not None and not self._bucket.take(now)
        outage = self._options.outage_at(now - self._world.start)
        if outage is not None:
            self.counts.outages[outage] += 1
            lots = lots._replace(fault=None)
        elif lots.fault is not None:
            self.counts.faults[lots.fault] += 1
        trouble = outage or lots.fault
        content = instead(trouble, lots)
        if content is None:
            content = self._content(params, now, lots, self._refusal(trouble, throttled=throttled))
        return Answer(
            content=content,
            headers=self._headers(now, lots),
            delay=lots.delay + (self._options.silence if outage is Outage.SILENT else 0.0),
            ending=ENDINGS.get(trouble, Ending.WHOLE),
        )

    def _headers(self, now: float, lots: Lots) -> tuple[tuple[str, str], ...]:
        headers = [("X-UCLOUD-REQUEST-UUID", lots.request_id)]
        if self._options.send_date:
            headers.append(("Date", _http_date(int(now + self._options.date_skew))))
        if lots.fault is Fault.HTTP_429:
            headers.append(("Retry-After", str(self._options.retry_after)))
        return tuple(headers)

    def _refusal(self, trouble: Trouble | None, *, throttled: bool) -> Refusal | None:
        if trouble in RET_CODES:
            return Refusal(*RET_CODES[trouble])
        if throttled:
            self.counts.throttled += 1
            return Refusal(153, "Request too frequent")
        return None

    def _content(self, params: Parameters, now: float, lots: Lots, refusal: Refusal | None) -> Content:
        document = Document()
        if refusal is None:
            try:
                document = self._perform(params, now, lots)
            except Refusal as refused:
                refusal = refused
        ret_code, message = (0, "") if refusal is None else (refusal.ret_code, str(refusal))
        self.counts.ret_codes[ret_code] += 1
        head = {
            "RetCode": encode(integer(ret_code, self._options.ret_code)),
            "Action": encode(f"{params.get('Action', '')}Response"),
            "Message": encode(message),
        }
        fields = (f'"{name}":{value}' for name, value in (head | document).items())
        return Content("application/json", f"{{{','.join(fields)}}}".encode())

    def _perform(self, params: Parameters, now: float, lots: Lots) -> Document:
        action = params.get("Action")
        if not action:
            raise Refusal(160, "Missing Action")
        if action not in self._actions:
            raise Refusal(161, f"Action [{action[:64]}] not found")
        authenticate(params, self._options.credentials)
        project_id = params.get("ProjectId")
        if project_id and self._options.project_id not in {None, project_id}:
            raise Refusal(292, f"Project [{project_id[:64]}] not found")
        return self._actions[action](params, now, lots)

    def _describe_cities(self, params: Parameters, _: float, __: Lots) -> Document:
        read_product_type(params)
        cities = [
            {"CityId": city_id, "CityName": city_id, "CityAlias": city_id, "CityType": "CENTER", "IsSoldOut": False}
            for city_id in self._options.city_ids
        ]
        return {"UPhoneCities": encode(cities)}


# A simulation asks many times within a second.
@lru_cache(maxsize=64)
def _http_date(time: int) -> str:
    return formatdate(time, usegmt=True)


def authenticate(params: Parameters, credentials: Credentials) -> None:
    """Check keys, signature and token as the vendor's gateway does; ``Refusal`` with 170, 171, 172 or 174."""
    if params.get("PublicKey") != credentials.public_key:
        raise Refusal(172, "User not found by PublicKey")
    signature = params.get("Signature")
    if not signature:
        raise Refusal(170, "Missing signature")
    signed = {name: value for name, value in params.items() if name != "Signature"}
    if not compare_digest(sign(signed, credentials.private_key).encode(), signature.encode()):
        raise Refusal(171, "Signature VerifyAC Error")
    if params.get("SecurityToken") != credentials.security_token:
        raise Refusal(174, "Token not found")
