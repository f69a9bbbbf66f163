"""The request: every parameter of the vendor's page, signed."""

from urllib.parse import parse_qsl

import pytest

from poller.models import Query, State, Target
from poller.signature import Credentials, sign
from poller.wire import form

KEYS = Credentials("pub+key@example.com", "private/key")
EVERYTHING = Target(
    product_type="uphone",
    project_id="org-x",
    region="cn-zj",
    city_id="cn-hangzhou",
    job_types=("INSTALL_APP", "UPLOAD_FILE"),
)


def sent(query: Query, credentials: Credentials = KEYS) -> dict[str, str]:
    """Read a form as a server does; no parameter comes twice."""
    pairs = parse_qsl(form(query, credentials).decode("ascii"), strict_parsing=True, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_a_listing_has_every_parameter_of_the_page() -> None:
    """Names as the vendor's page has them; lists are counted from 0."""
    params = sent(Query(EVERYTHING, State.RUNNING, offset=160, limit=80))
    del params["Signature"]
    assert params == {
        "Action": "DescribeUPhoneJob",
        "PublicKey": "pub+key@example.com",
        "ProjectId": "org-x",
        "Region": "cn-zj",
        "CityId": "cn-hangzhou",
        "ProductType": "uphone",
        "State": "RUNNING",
        "Types.0": "INSTALL_APP",
        "Types.1": "UPLOAD_FILE",
        "Offset": "160",
        "Limit": "80",
    }


def test_what_is_not_set_is_not_sent_but_the_product_type_is() -> None:
    """The vendor's tools disagree about its default."""
    params = sent(Query(Target()))
    assert set(params) == {"Action", "PublicKey", "ProductType", "Offset", "Limit", "Signature"}
    assert (params["ProductType"], params["Offset"], params["Limit"]) == ("uphone-server", "0", "100")


def test_a_look_up_names_its_jobs_and_no_filter() -> None:
    """A look-up wants the job whatever it has become."""
    params = sent(Query(EVERYTHING, job_ids=tuple(f"uj-{number}" for number in range(100))))
    assert (params["JobIds.0"], params["JobIds.99"]) == ("uj-0", "uj-99")
    assert not {name for name in params if name.startswith(("Types", "State"))}


@pytest.mark.parametrize("token", [None, "to+ken/="])
def test_a_security_token_goes_with_temporary_keys(token: str | None) -> None:
    """And is signed like any other parameter."""
    params = sent(Query(Target()), Credentials("pub", "priv", token))
    assert params.get("SecurityToken") == token


@pytest.mark.parametrize(
    "query",
    [
        Query(Target()),
        Query(EVERYTHING, State.PARTIAL_SUCCESS, offset=20, limit=20),
        Query(Target(project_id="org x&y=ü%", city_id="+"), job_ids=("uj 1", "uj&2=", "\N{GRINNING FACE}", "a\x00b")),
    ],
)
def test_the_signature_is_that_of_the_parameters_as_a_server_reads_them(query: Query) -> None:
    """Whatever had to be escaped in the form."""
    credentials = Credentials("pub", "priv", "token")
    params = sent(query, credentials)
    signature = params.pop("Signature")
    assert signature == sign(params, "priv")


def test_the_private_key_is_never_sent() -> None:
    """It only signs."""
    assert "private" not in form(Query(EVERYTHING, State.RUNNING), KEYS).decode()
