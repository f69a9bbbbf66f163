"""The vendor's request signature."""

import pytest

from poller.signature import Credentials, Value, encode_value, sign

PUBLIC_KEY = "ucloudsomeone@example.com1296235120854146120"
PRIVATE_KEY = "46f09bb9fab4f12dfc160dae12273d5332b5debe"
"""The sample keys of the vendor's page on signatures."""


@pytest.mark.parametrize(
    ("params", "signature"),
    [
        (
            {"Action": "DescribeUHostInstance", "Region": "cn-bj2", "Limit": "10"},
            "cba5cf5ec4d4233d206b1b54951e3787350a642f",
        ),
        (
            {
                "Action": "CreateUHostInstance",
                "CPU": "2",
                "ChargeType": "Month",
                "DiskSpace": "10",
                "ImageId": "f43736e1-65a5-4bea-ad2e-8a46e18883c2",
                "LoginMode": "Password",
                "Memory": "2048",
                "Name": "Host01",
                "Password": "VUNsb3VkLmNu",
                "Quantity": "1",
                "Region": "cn-bj2",
                "Zone": "cn-bj2-04",
            },
            "4f9ef5df2abab2c6fccd1e9515cb7e2df8c6bb65",
        ),
    ],
)
def test_the_vendors_known_answers(params: dict[str, str], signature: str) -> None:
    """The signatures that the vendor's page gives for its sample keys."""
    assert sign({**params, "PublicKey": PUBLIC_KEY}, PRIVATE_KEY) == signature


def test_the_order_of_parameters_does_not_matter() -> None:
    """Parameters are sorted by name before they are joined."""
    params = {"PublicKey": PUBLIC_KEY, "Limit": "10", "Region": "cn-bj2", "Action": "DescribeUHostInstance"}
    assert sign(params, PRIVATE_KEY) == "cba5cf5ec4d4233d206b1b54951e3787350a642f"


def test_values_are_signed_as_utf8_without_url_encoding() -> None:
    """What a form escapes is signed bare: SHA-1 of ``Namea b&ü`` and the key."""
    assert sign({"Name": "a b&ü"}, "key") == "853a54dcbf6c895057a5e0f55a0da39cfb6474c8"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (7, "7"),
        (True, "true"),
        (False, "false"),
        (2.0, "2"),
        (10.0, "10"),
        (2.5, "2.5"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
        (0.1, "0.1"),
    ],
)
def test_values_are_written_as_the_vendors_tools_write_them(value: Value, text: str) -> None:
    """Booleans in lower case, no needless fraction, no scientific notation."""
    assert encode_value(value) == text


def test_credentials_print_as_nothing() -> None:
    """No key gets into a text by way of the object that holds it."""
    credentials = Credentials("public", "private", "token")
    assert str(credentials) == repr(credentials) == f"{credentials}" == "Credentials(…)"


def test_credentials_are_blotted_out_of_a_text_that_quotes_them() -> None:
    """Bare, or as a form has them; the longest first, since one may be part of another."""
    credentials = Credentials("ab", "ab/cd", "t+o=")
    text = "PublicKey=ab&x=ab/cd&y=ab%2Fcd&SecurityToken=t%2Bo%3D t+o="
    expected = "PublicKey=*&x=*&y=*&SecurityToken=* *".replace("*", "[redacted]")
    assert credentials.redact(text) == expected


def test_a_token_that_is_not_there_is_not_blotted_out() -> None:
    """Without a token only the two keys are secrets."""
    assert Credentials("pub", "priv").redact("a pub, a priv, None") == "a [redacted], a [redacted], None"
