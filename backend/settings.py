"""Owns the configuration: one `Settings`, read once from the environment, refused with one sentence when it is wrong."""

from __future__ import annotations

import contextlib
import difflib
import functools
import ipaddress
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# A unix socket's path may have 107 bytes on Linux and 103 on macOS (sockaddr_un.sun_path less its NUL).
_SOCKET_PATH_BYTES = 103
_KEY_LENGTH = 32
_OAUTH_CLIENT = re.compile(r"^([A-Z0-9][A-Z0-9_]*)_CLIENT_(ID|SECRET)$")
_DATABASE_SCHEMES = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "sqlite": "sqlite",
}
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class SettingsError(Exception):
    """The configuration is wrong. The message is one sentence: the variable, what is wrong, an example."""


class Environment(StrEnum):
    """Where an installation runs; `production` asks for values that are safe there."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class LogFormat(StrEnum):
    """How log lines are written; `auto` means for people on a terminal, JSON elsewhere."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


class OAuthClient(NamedTuple):
    """An instance-wide OAuth client of one provider."""

    client_id: str
    client_secret: SecretStr


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(ipaddress.ip_network(item.strip(), strict=False) for item in value.split(",") if item.strip())


def _keys(value: object) -> object:
    if not isinstance(value, str):
        return value
    keys = tuple(item.strip() for item in value.split(",") if item.strip())
    if any(len(key) < _KEY_LENGTH for key in keys):
        raise ValueError("too short")
    if len(set(keys)) < len(keys):
        raise ValueError("repeated")
    return tuple(SecretStr(key) for key in keys)


def _database_url(value: object) -> object:
    if not isinstance(value, str):
        return value
    scheme, separator, rest = value.partition("://")
    if not separator or scheme not in _DATABASE_SCHEMES or not rest.strip("/"):
        raise ValueError("scheme")
    return SecretStr(f"{_DATABASE_SCHEMES[scheme]}://{rest}")


def _redis_url(value: object) -> object:
    if not isinstance(value, str):
        return value
    scheme, separator, rest = value.partition("://")
    if not separator or scheme not in ("redis", "rediss", "unix") or not rest:
        raise ValueError("scheme")
    return SecretStr(value)


def _web_url(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("no web address")
    if parts.path.strip("/"):
        raise ValueError("has a path")
    return f"{parts.scheme}://{parts.netloc}".lower()


def _hook_url(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no web address")
    return SecretStr(value)


def _switch(value: object) -> object:
    if not isinstance(value, str):
        return value
    word = value.strip().lower()
    if word not in _TRUE + _FALSE:
        raise ValueError("no switch")
    return word in _TRUE


def _variable(name: str, must: str, example: str, *, default: Any = None) -> Any:
    """A field read from the variable `name`; `must` completes "NAME must be…" in the sentence that refuses it."""
    return Field(default=default, alias=name, description=must, examples=[example])


class Settings(BaseModel):
    """The configuration of one installation. Every process of it reads the same variables."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, validate_default=False)

    environment: Environment = _variable("CROSSDOCK_ENV", "development or production", "production", default=Environment.DEVELOPMENT)
    data_dir: Path = _variable("CROSSDOCK_DATA_DIR", "a folder", "/var/lib/crossdock", default=Path("data"))
    host: str = _variable("CROSSDOCK_HOST", "a host name or an address to listen on", "127.0.0.1", default="127.0.0.1")
    port: Annotated[int, Field(ge=1, le=65535)] = _variable("CROSSDOCK_PORT", "a port number from 1 to 65535", "8000", default=8000)
    configured_database: Annotated[SecretStr | None, BeforeValidator(_database_url)] = _variable(
        "DATABASE_URL",
        "the address of a PostgreSQL database",
        "postgresql://crossdock:secret@db.internal:5432/crossdock",
    )
    configured_redis: Annotated[SecretStr | None, BeforeValidator(_redis_url)] = _variable(
        "REDIS_URL", "the address of a Redis or Valkey server", "redis://cache.internal:6379/0"
    )
    encryption_keys: Annotated[tuple[SecretStr, ...], BeforeValidator(_keys)] = _variable(
        "ENCRYPTION_KEY",
        f"one or more different keys of at least {_KEY_LENGTH} characters, separated by commas",
        "$(openssl rand -hex 32)",
        default=(),
    )
    admin_email: Annotated[str | None, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)] = _variable(
        "CROSSDOCK_ADMIN_EMAIL", "an e-mail address", "admin@example.com"
    )
    admin_password: Annotated[SecretStr | None, Field(min_length=12)] = _variable(
        "CROSSDOCK_ADMIN_PASSWORD", "at least 12 characters long", "a-long-passphrase"
    )
    egress_allow: Annotated[tuple[Network, ...], BeforeValidator(_networks)] = _variable(
        "CROSSDOCK_EGRESS_ALLOW", "networks separated by commas", "10.1.0.0/16,fd00:1::/64", default=()
    )
    configured_public_url: Annotated[str | None, BeforeValidator(_web_url)] = _variable(
        "CROSSDOCK_PUBLIC_URL", "a web address without path or query", "https://crossdock.example.com"
    )
    trusted_proxies: Annotated[tuple[Network, ...], BeforeValidator(_networks)] = _variable(
        "CROSSDOCK_TRUSTED_PROXIES", "addresses or networks separated by commas", "10.0.0.5,10.0.1.0/24", default=()
    )
    slack_webhook_url: Annotated[SecretStr | None, BeforeValidator(_hook_url)] = _variable(
        "SLACK_WEBHOOK_URL",
        "the address of a Slack incoming webhook",
        "https://hooks.slack.com/services/T000/B000/XXXX",
    )
    configured_require_https: Annotated[bool | None, BeforeValidator(_switch)] = _variable("CROSSDOCK_REQUIRE_HTTPS", "on or off", "on")
    log_format: LogFormat = _variable("CROSSDOCK_LOG_FORMAT", "auto, console or json", "json", default=LogFormat.AUTO)
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = _variable(
        "CROSSDOCK_LOG_LEVEL", "debug, info, warning or error", "info", default="info"
    )
    oauth_clients: dict[str, OAuthClient] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _refuse_unsafe(self) -> Self:
        if not self.encryption_keys:
            for reason, applies in (
                ("CROSSDOCK_ENV is production", self.is_production),
                ("DATABASE_URL is set", self.configured_database is not None),
                ("REDIS_URL is set", self.configured_redis is not None),
            ):
                if applies:
                    raise SettingsError(
                        f"ENCRYPTION_KEY is missing and {reason}: every process needs the same key, "
                        "for example ENCRYPTION_KEY=$(openssl rand -hex 32)."
                    )
        if (self.admin_email is None) != (self.admin_password is None):
            given, missing, example = (
                ("CROSSDOCK_ADMIN_EMAIL", "CROSSDOCK_ADMIN_PASSWORD", "a-long-passphrase")
                if self.admin_password is None
                else ("CROSSDOCK_ADMIN_PASSWORD", "CROSSDOCK_ADMIN_EMAIL", "admin@example.com")
            )
            raise SettingsError(f"{missing} is missing although {given} is set, for example {missing}={example}.")
        if self.public_url.startswith("http://") and not _is_loopback(urlsplit(self.public_url).hostname or ""):
            raise SettingsError(
                "CROSSDOCK_PUBLIC_URL is plain http on another host than this machine, where browsers keep no safe "
                f"session cookie, for example CROSSDOCK_PUBLIC_URL=https://{urlsplit(self.public_url).hostname}."
            )
        if self.is_production and any(network.prefixlen == 0 for network in self.egress_allow):
            raise SettingsError(
                "CROSSDOCK_EGRESS_ALLOW allows every address, which production refuses, for example CROSSDOCK_EGRESS_ALLOW=10.1.0.0/16."
            )
        return self

    @property
    def is_production(self) -> bool:
        """Whether this installation serves real users."""
        return self.environment is Environment.PRODUCTION

    @property
    def require_https(self) -> bool:
        """Whether http webhook URLs are refused and HSTS is sent: as set, else in production."""
        return self.is_production if self.configured_require_https is None else self.configured_require_https

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL: the configured one, else SQLite in the data folder."""
        if self.configured_database is not None:
            return self.configured_database.get_secret_value()
        return f"sqlite:///{self.data_dir / 'crossdock.sqlite3'}"

    @property
    def embeds_valkey(self) -> bool:
        """Whether `crossdock up` runs its own Valkey."""
        return self.configured_redis is None

    @property
    def redis_url(self) -> str:
        """URL of Redis: the configured one, else the embedded Valkey's unix socket."""
        if self.configured_redis is not None:
            return self.configured_redis.get_secret_value()
        return f"unix://{embedded_socket(self.data_dir)}"

    @property
    def public_url(self) -> str:
        """Scheme, host and port by which others reach this installation, without a slash at the end."""
        if self.configured_public_url is not None:
            return self.configured_public_url
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104 - where "everywhere" is reached
        return f"http://[{host}]:{self.port}" if ":" in host and not host.startswith("[") else f"http://{host}:{self.port}"

    @property
    def own_origins(self) -> tuple[str, ...]:
        """Every origin at which this installation answers a browser: the public one first, then loopback's."""
        loopback = (f"http://{host}:{self.port}" for host in ("127.0.0.1", "localhost", "[::1]"))
        return tuple(dict.fromkeys((self.public_url, *loopback)))

    def oauth_client(self, provider: str) -> OAuthClient | None:
        """The instance-wide OAuth client of a provider (`google_calendar`, else its first word: `google`)."""
        name = provider.lower()
        return self.oauth_clients.get(name) or self.oauth_clients.get(name.partition("_")[0])


def load(env: Mapping[str, str]) -> Settings:
    """Settings from `env`, where an empty value counts as absent. Creates nothing. Raises `SettingsError`."""
    present = {name: value.strip() for name, value in env.items() if value.strip()}
    try:
        loaded = Settings.model_validate({**present, "oauth_clients": _oauth_clients(present)})
    except ValidationError as error:
        raise SettingsError(_sentence(error, present)) from None
    return loaded.model_copy(update={"data_dir": loaded.data_dir.expanduser().resolve()})


@functools.cache
def settings() -> Settings:
    """The settings of this process, with the data folder and its key made where none is configured. Raises `SettingsError`."""
    loaded = load(os.environ)
    make_data_dir(loaded.data_dir)
    if loaded.encryption_keys:
        return loaded
    return loaded.model_copy(update={"encryption_keys": _keys(_own_key(loaded.data_dir))})


def unknown_variables(env: Mapping[str, str]) -> dict[str, str]:
    """Variables that begin with CROSSDOCK_ and mean nothing, each with the nearest that does (or "")."""
    known = [field.alias for field in Settings.model_fields.values() if field.alias]
    odd = (name for name in env if name.startswith("CROSSDOCK_") and name not in known)
    return {name: next(iter(difflib.get_close_matches(name, known, n=1)), "") for name in odd}


def make_data_dir(path: Path) -> None:
    """Create the data folder, readable by its owner alone. Raises `SettingsError`."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"CROSSDOCK_DATA_DIR must be a folder that can be written, but {path} is not ({error.strerror}), "
            "for example CROSSDOCK_DATA_DIR=/var/lib/crossdock."
        ) from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise SettingsError(
            f"CROSSDOCK_DATA_DIR must be a folder that can be written, but {path} is read-only, "
            "for example CROSSDOCK_DATA_DIR=/var/lib/crossdock."
        )


def embedded_socket(data_dir: Path) -> Path:
    """Path of the embedded Valkey's socket: in the data folder, or, where that path is too long for a socket,
    in a private temporary folder that the file `valkey.socket-path` in the data folder names.
    """
    direct = data_dir / "valkey.sock"
    if len(os.fsencode(direct)) <= _SOCKET_PATH_BYTES:
        return direct
    pointer = data_dir / "valkey.socket-path"
    with contextlib.suppress(OSError):
        path = Path(pointer.read_text(encoding="utf-8").strip())
        folder = path.parent.lstat()
        if folder.st_uid == os.getuid() and folder.st_mode & 0o077 == 0:
            return path
    path = Path(tempfile.mkdtemp(prefix="crossdock-")) / "valkey.sock"
    pointer.write_text(f"{path}\n", encoding="utf-8")
    return path


def _own_key(data_dir: Path) -> str:
    """The key that this installation generated for itself; the first process to come makes it."""
    path = data_dir / "encryption.key"
    if not path.exists():
        handle, name = tempfile.mkstemp(dir=data_dir, prefix=".encryption.key.")  # mode 0600
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, path)  # fails where another process was first, and so never replaces a key
        Path(name).unlink()
    return path.read_text(encoding="ascii").strip()


def _oauth_clients(env: Mapping[str, str]) -> dict[str, OAuthClient]:
    found: dict[str, OAuthClient] = {}
    for name in env:
        match = _OAUTH_CLIENT.match(name)
        if match is None or match[2] != "ID":
            continue
        secret = env.get(f"{match[1]}_CLIENT_SECRET")
        if secret is not None:
            found[match[1].lower()] = OAuthClient(env[name], SecretStr(secret))
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _sentence(error: ValidationError, env: Mapping[str, str]) -> str:
    alias = str(error.errors()[0]["loc"][0])
    field = next(field for field in Settings.model_fields.values() if field.alias == alias)
    is_secret = "SecretStr" in str(field.annotation) or alias == "ENCRYPTION_KEY"
    found = "what is set is not" if is_secret else f"{env[alias][:80]!r} is not"
    return f"{alias} must be {field.description}, and {found}, for example {alias}={(field.examples or [''])[0]}."
