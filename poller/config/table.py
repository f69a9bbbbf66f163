"""Every setting, in one table: flags, ``--help``, the reference and the parser are made from it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from poller.config import values
from poller.config.values import Listen

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Kind(Generic[T_co]):
    """What values of a sort look like: ``metavar`` in help, ``native`` the TOML types beside a string."""

    metavar: str
    parse: Callable[[str], T_co]
    native: tuple[type, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting(Generic[T_co]):
    """One variable. ``default`` is its text; ``otherwise`` says in words what holds where there is none."""

    variable: str
    kind: Kind[T_co]
    help: str
    default: str | None = None
    otherwise: str | None = field(default=None, kw_only=True)
    credential: bool = field(default=False, kw_only=True)
    supported: bool = field(default=True, kw_only=True)

    @property
    def key(self) -> str:
        """The name in a configuration file: lower case, without prefix."""
        return self.variable.partition("_")[2].lower()

    @property
    def flag(self) -> str | None:
        """The option on the command line; None for credentials, which would show in the process list."""
        return None if self.credential else "--" + self.key.replace("_", "-")

    @property
    def shown_default(self) -> str | None:
        """The default for people."""
        return self.default or self.otherwise


BOOLEAN: Final = Kind("on|off", values.boolean, (bool,))
DURATION: Final = Kind("DURATION", values.duration, (int, float))  # a bare number gets the error that names a unit
POSITIVE_DURATION: Final = Kind("DURATION", values.positive_duration, (int, float))
NUMBER: Final = Kind("NUMBER", values.positive_number, (int, float))
INTEGER: Final = Kind("INTEGER", values.positive_integer, (int,))
NAME: Final = Kind("NAME", values.name)
NAMES: Final = Kind("NAMES", values.names, (list,))
PATH: Final = Kind("PATH", values.path)
SECRET: Final = Kind("SECRET", values.secret)
LISTEN: Final = Kind("[HOST]:PORT", values.listen)
URL: Final = Kind("URL", values.base_url)


def _credential(variable: str, help_text: str) -> Setting[str]:
    return Setting(variable, SECRET, help_text, credential=True)


def _mounted(credential: Setting[str]) -> Setting[str]:
    return Setting(
        f"{credential.variable}_FILE", PATH, "The same from a file, which is reread on change.", credential=True
    )


PUBLIC_KEY: Final = _credential("UCLOUD_PUBLIC_KEY", "The account's public key.")
PUBLIC_KEY_FILE: Final = _mounted(PUBLIC_KEY)
PRIVATE_KEY: Final = _credential("UCLOUD_PRIVATE_KEY", "The account's private key, which signs requests.")
PRIVATE_KEY_FILE: Final = _mounted(PRIVATE_KEY)
SECURITY_TOKEN: Final = _credential("UCLOUD_SECURITY_TOKEN", "The token that belongs to temporary credentials.")
SECURITY_TOKEN_FILE: Final = _mounted(SECURITY_TOKEN)

PROFILE: Final = Setting(
    "UCLOUD_PROFILE", NAME, "The profile to take from the vendor's files.", otherwise="the active one"
)
SHARED_CONFIG_FILE: Final = Setting(
    "UCLOUD_SHARED_CONFIG_FILE", PATH, "The vendor's file of profiles.", "~/.ucloud/config.json"
)
SHARED_CREDENTIAL_FILE: Final = Setting(
    "UCLOUD_SHARED_CREDENTIAL_FILE", PATH, "The vendor's file of key pairs.", "~/.ucloud/credential.json"
)
PROJECT_ID: Final = Setting("UCLOUD_PROJECT_ID", NAME, "The project to ask about; a sub-account must give it.")
REGION: Final = Setting("UCLOUD_REGION", NAME, "The region to ask about, as the API takes it.")
API_BASE_URL: Final = Setting("UCLOUD_API_BASE_URL", URL, "The API's address.", "https://api.ucloud.cn")
TIMEOUT_SECOND: Final = Setting(
    "UCLOUD_TIMEOUT_SECOND", NUMBER, "A request's time limit in seconds; the gateway's own is 60.", "65"
)

CONFIG: Final = Setting(
    "POLLER_CONFIG", PATH, "A TOML file of these settings, keys in lower case without POLLER_ or UCLOUD_."
)
CITY_IDS: Final = Setting(
    "POLLER_CITY_IDS",
    NAMES,
    "The cities to ask about, separated by commas; all asks the API for them, again every hour.",
    otherwise="no CityId",
)
PRODUCT_TYPES: Final = Setting(
    "POLLER_PRODUCT_TYPES", NAMES, "The product types to ask about, separated by commas.", "uphone-server"
)
JOB_TYPES: Final = Setting(
    "POLLER_JOB_TYPES", NAMES, "Only jobs of these types, separated by commas.", otherwise="all types"
)
INTERVAL: Final = Setting(
    "POLLER_INTERVAL", POSITIVE_DURATION, "From the start of one cycle to the start of the next.", "10s"
)
SWEEP_INTERVAL: Final = Setting(
    "POLLER_SWEEP_INTERVAL",
    POSITIVE_DURATION,
    "The longest that a full sweep may wait while nothing comes or goes unseen; as long as the interval, and every "
    "cycle sweeps.",
    otherwise="six intervals",
)
LOOKBACK: Final = Setting(
    "POLLER_LOOKBACK",
    DURATION,
    "On a first start, also report jobs that finished this long before it.",
    "0s",
)
STATE_FILE: Final = Setting(
    "POLLER_STATE_FILE", PATH, "Keeps what is known of jobs across restarts.", otherwise="in memory"
)
EVENTS: Final = Setting("POLLER_EVENTS", PATH, "Where event lines go: - is stdout, else a file to append to.", "-")
EXECUTE_MESSAGES: Final = Setting(
    "POLLER_EXECUTE_MESSAGES", BOOLEAN, "Include tasks' command output in events; it may hold secrets.", "off"
)
LISTEN_ON: Final[Setting[Listen | None]] = Setting(
    "POLLER_LISTEN", LISTEN, "Where to serve metrics and health; off for nowhere.", ":10766"
)
WEB_CONFIG: Final = Setting(
    "POLLER_WEB_CONFIG", PATH, "TLS and basic auth, as Prometheus's --web.config.file has them.", supported=False
)
MAX_RPS: Final = Setting("POLLER_MAX_RPS", NUMBER, "The most API requests a second; fractions are allowed.", "20")
CONCURRENCY: Final = Setting("POLLER_CONCURRENCY", INTEGER, "The most API requests at a time.", "8")
TRUST_ENV: Final = Setting(
    "POLLER_TRUST_ENV", BOOLEAN, "Use HTTP_PROXY, HTTPS_PROXY and the like from the environment.", "off"
)
LOG_LEVEL: Final = Setting(
    "POLLER_LOG_LEVEL",
    Kind("LEVEL", values.choice("debug", "info", "warning", "error")),
    "The least level of diagnostics on stderr: debug, info, warning or error.",
    "info",
)
LOG_FORMAT: Final = Setting(
    "POLLER_LOG_FORMAT",
    Kind("FORMAT", values.choice("auto", "json", "console")),
    "How diagnostics look: json, console, or auto, by whether stderr is a terminal.",
    "auto",
)

SETTINGS: Final[tuple[Setting[object], ...]] = (
    *(PUBLIC_KEY, PUBLIC_KEY_FILE, PRIVATE_KEY, PRIVATE_KEY_FILE, SECURITY_TOKEN, SECURITY_TOKEN_FILE),
    *(PROFILE, SHARED_CONFIG_FILE, SHARED_CREDENTIAL_FILE),
    *(PROJECT_ID, REGION, API_BASE_URL, TIMEOUT_SECOND),
    *(CONFIG, CITY_IDS, PRODUCT_TYPES, JOB_TYPES, INTERVAL, SWEEP_INTERVAL, LOOKBACK, STATE_FILE),
    *(EVENTS, EXECUTE_MESSAGES, LISTEN_ON, WEB_CONFIG, MAX_RPS, CONCURRENCY, TRUST_ENV, LOG_LEVEL, LOG_FORMAT),
)
"""In the order of the reference's table."""

TARGET_KEYS: Final[dict[str, Kind[object]]] = {
    "project_id": NAME,
    "region": NAME,
    "city_id": NAME,
    "product_type": NAME,
    "job_types": NAMES,
}
"""What a ``[[targets]]`` table of a configuration file may hold."""

CREDENTIALS: Final = (
    (PUBLIC_KEY, PUBLIC_KEY_FILE),
    (PRIVATE_KEY, PRIVATE_KEY_FILE),
    (SECURITY_TOKEN, SECURITY_TOKEN_FILE),
)
"""Each credential and the setting that names a file of it: two ways to give one thing."""


def markdown_table() -> str:
    """Return the reference's table of settings."""
    rows = ["| variable | flag | default | meaning |", "|---|---|---|---|"]
    rows += [
        f"| `{setting.variable}` | {_code(setting.flag)} | {_default(setting)} | {described(setting)} |"
        for setting in SETTINGS
    ]
    return "\n".join(rows) + "\n"


def described(setting: Setting[object]) -> str:
    """Return a setting's help, which says so where it is not supported yet."""
    return setting.help if setting.supported else f"{setting.help} Not supported yet."


def _code(text: str | None) -> str:
    return "" if text is None else f"`{text}`"


def _default(setting: Setting[object]) -> str:
    return setting.otherwise or _code(setting.default)
