"""The simulated gateway: parameters and a time in, an answer out. No clock and no socket."""

import json
from collections import Counter
from dataclasses import dataclass, field
from email.utils import formatdate
from hmac import compare_digest
from types import MappingProxyType

from poller.models import State
from poller.signature import Credentials, sign
from poller.simulator.answers import ENDINGS, RET_CODES, Answer, Content, Ending, instead
from poller.simulator.lots import Lots, draw
from poller.simulator.options import Fault, Options, TotalCount
from poller.simulator.parameters import Parameters, Refusal, read_listing, read_product_type
from poller.simulator.replica import Filter, Slice
from poller.simulator.rows import Row, RowWriter
from poller.simulator.world import World


@dataclass(slots=True)
class Counts:
    """What has been asked and decided: a connection that is cut has its RetCode counted too."""

    requests: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    ret_codes: Counter[int] = field(default_factory=Counter)
    faults: Counter[Fault] = field(default_factory=Counter)


class Api:
    """Answers requests about a world; the same sequence of requests always gets the same answers."""

    def __init__(self, options: Options, world: World) -> None:
        self.counts = Counts()
        self._options = options
        self._world = world
        self._rows = RowWriter(options)
        self._actions = MappingProxyType(
            {
                "DescribeUPhoneJob": self._describe_jobs,
                "DescribeUPhoneCities": self._describe_cities,
            }
        )

    def answer(self, params: Parameters, now: float) -> Answer:
        """Answer a request with these decoded parameters that came at a Unix time."""
        lots = draw(self._options, self.counts.requests)
        self.counts.requests += 1
        action = params.get("Action", "")
        self.counts.actions[action if action in self._actions else "other"] += 1
        if lots.fault is not None:
            self.counts.faults[lots.fault] += 1
        headers = [("Date", formatdate(now, usegmt=True)), ("X-UCLOUD-REQUEST-UUID", lots.request_id)]
        if lots.fault is Fault.HTTP_429:
            headers.append(("Retry-After", str(self._options.retry_after)))
        return Answer(
            content=instead(lots.fault, lots.rng) or self._content(params, now, lots),
            headers=tuple(headers),
            delay=lots.delay,
            ending=ENDINGS.get(lots.fault, Ending.WHOLE),
        )

    def _content(self, params: Parameters, now: float, lots: Lots) -> Content:
        # Not msgspec: a scripted lone surrogate must come out as the escape that real APIs send.
        document = json.dumps(self._document(params, now, lots), separators=(",", ":"))
        return Content("application/json", document.encode())

    def _document(self, params: Parameters, now: float, lots: Lots) -> Row:
        ret_code, message, content = 0, "", Row()
        try:
            content = self._perform(params, now, lots)
        except Refusal as refusal:
            ret_code, message = refusal.ret_code, str(refusal)
        self.counts.ret_codes[ret_code] += 1
        return {
            "RetCode": self._rows.integer(ret_code, self._options.ret_code),
            "Action": f"{params.get('Action', '')}Response",
            "Message": message,
            **content,
        }

    def _perform(self, params: Parameters, now: float, lots: Lots) -> Row:
        if lots.fault in RET_CODES:
            raise Refusal(*RET_CODES[lots.fault])
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

    def _describe_cities(self, params: Parameters, _: float, __: Lots) -> Row:
        read_product_type(params)
        cities = [
            {"CityId": city_id, "CityName": city_id, "CityAlias": city_id, "CityType": "CENTER", "IsSoldOut": False}
            for city_id in self._options.city_ids
        ]
        return {"UPhoneCities": cities}

    def _describe_jobs(self, params: Parameters, now: float, lots: Lots) -> Row:
        listing = read_listing(params, self._options)
        replica = self._world.replica(now, lagging=lots.lagging)
        limit = min(listing.limit, self._options.page_cap)
        ties = lots.rng if self._options.shuffle_ties else None
        found = replica.page(listing.filter, offset=listing.offset, limit=limit, ties=ties)
        rows = [self._rows.job(job, replica.time) for job in found.jobs]
        content = Row()
        self._rows.put_list(content, "Jobs", self._tamper(rows, limit, listing.filter, lots))
        if self._options.total_count is not TotalCount.OMITTED:
            content["TotalCount"] = 0 if lots.fault is Fault.EMPTY_PAGE else self._total_count(found)
        return content

    def _tamper(self, rows: list[Row], limit: int, wanted: Filter, lots: Lots) -> list[Row]:
        if lots.fault is Fault.EMPTY_PAGE or (self._options.blind_pending and wanted.state is State.PENDING):
            return []
        if lots.fault is Fault.DUPLICATE_ROWS and rows:
            at = lots.rng.randrange(len(rows))
            # A join that doubles a row is cut to the same Limit.
            return [*rows[: at + 1], *rows[at:]][:limit]
        return rows

    def _total_count(self, found: Slice) -> int:
        match self._options.total_count:
            case TotalCount.UNFILTERED:
                return found.unfiltered
            case TotalCount.UNDERSTATED:
                return found.filtered // 2
            case TotalCount.ZERO:
                return 0
            case _:
                return found.filtered


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
