"""The settings: what is read, what is derived, and the one sentence for everything that is wrong."""

from __future__ import annotations

import os
import stat
from ipaddress import ip_network
from pathlib import Path

import pytest

from backend.settings import SettingsError, embedded_socket, load, make_data_dir, settings, unknown_variables

KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("env", "variable", "wrong", "example"),
    [
        ({"CROSSDOCK_PORT": "abc"}, "CROSSDOCK_PORT", "'abc'", "CROSSDOCK_PORT=8000"),
        ({"CROSSDOCK_PORT": "70000"}, "CROSSDOCK_PORT", "1 to 65535", "CROSSDOCK_PORT=8000"),
        ({"CROSSDOCK_ENV": "staging"}, "CROSSDOCK_ENV", "development or production", "CROSSDOCK_ENV=production"),
        ({"DATABASE_URL": "mysql://h/db"}, "DATABASE_URL", "PostgreSQL", "DATABASE_URL=postgresql://"),
        ({"DATABASE_URL": "postgresql://"}, "DATABASE_URL", "PostgreSQL", "DATABASE_URL=postgresql://"),
        ({"REDIS_URL": "localhost:6379"}, "REDIS_URL", "Redis", "REDIS_URL=redis://"),
        ({"ENCRYPTION_KEY": "short"}, "ENCRYPTION_KEY", "at least 32", "ENCRYPTION_KEY=$(openssl"),
        ({"ENCRYPTION_KEY": f"{KEY},{KEY}"}, "ENCRYPTION_KEY", "different", "ENCRYPTION_KEY=$(openssl"),
        ({"CROSSDOCK_ENV": "production"}, "ENCRYPTION_KEY", "missing and CROSSDOCK_ENV is production", "ENCRYPTION_KEY=$("),
        ({"DATABASE_URL": "postgres://h/db"}, "ENCRYPTION_KEY", "missing and DATABASE_URL is set", "ENCRYPTION_KEY=$("),
        ({"REDIS_URL": "redis://h"}, "ENCRYPTION_KEY", "missing and REDIS_URL is set", "ENCRYPTION_KEY=$("),
        ({"CROSSDOCK_ADMIN_EMAIL": "nobody"}, "CROSSDOCK_ADMIN_EMAIL", "e-mail address", "CROSSDOCK_ADMIN_EMAIL=admin@"),
        ({"CROSSDOCK_ADMIN_PASSWORD": "short"}, "CROSSDOCK_ADMIN_PASSWORD", "12 characters", "CROSSDOCK_ADMIN_PASSWORD="),
        ({"CROSSDOCK_ADMIN_EMAIL": "a@b.example"}, "CROSSDOCK_ADMIN_PASSWORD", "missing", "CROSSDOCK_ADMIN_PASSWORD="),
        ({"CROSSDOCK_ADMIN_PASSWORD": "long enough it is"}, "CROSSDOCK_ADMIN_EMAIL", "missing", "CROSSDOCK_ADMIN_EMAIL="),
        ({"CROSSDOCK_EGRESS_ALLOW": "10.0.0.0/8,here"}, "CROSSDOCK_EGRESS_ALLOW", "networks", "CROSSDOCK_EGRESS_ALLOW=10.1"),
        ({"CROSSDOCK_TRUSTED_PROXIES": "10.0.0.300"}, "CROSSDOCK_TRUSTED_PROXIES", "networks", "CROSSDOCK_TRUSTED_PROXIES="),
        ({"CROSSDOCK_PUBLIC_URL": "example.com"}, "CROSSDOCK_PUBLIC_URL", "web address", "CROSSDOCK_PUBLIC_URL=https://"),
        ({"CROSSDOCK_PUBLIC_URL": "https://e.com/x"}, "CROSSDOCK_PUBLIC_URL", "without path", "CROSSDOCK_PUBLIC_URL=https://"),
        ({"CROSSDOCK_PUBLIC_URL": "http://e.com"}, "CROSSDOCK_PUBLIC_URL", "plain http", "CROSSDOCK_PUBLIC_URL=https://e.com"),
        ({"SLACK_WEBHOOK_URL": "hooks"}, "SLACK_WEBHOOK_URL", "Slack", "SLACK_WEBHOOK_URL=https://"),
        ({"CROSSDOCK_REQUIRE_HTTPS": "maybe"}, "CROSSDOCK_REQUIRE_HTTPS", "on or off", "CROSSDOCK_REQUIRE_HTTPS=on"),
        ({"CROSSDOCK_LOG_FORMAT": "xml"}, "CROSSDOCK_LOG_FORMAT", "console or json", "CROSSDOCK_LOG_FORMAT=json"),
        ({"CROSSDOCK_LOG_LEVEL": "loud"}, "CROSSDOCK_LOG_LEVEL", "warning", "CROSSDOCK_LOG_LEVEL=info"),
        (
            {"CROSSDOCK_ENV": "production", "ENCRYPTION_KEY": KEY, "CROSSDOCK_EGRESS_ALLOW": "0.0.0.0/0"},
            "CROSSDOCK_EGRESS_ALLOW",
            "every address",
            "CROSSDOCK_EGRESS_ALLOW=10.1",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_one_sentence(env: dict[str, str], variable: str, wrong: str, example: str):
    with pytest.raises(SettingsError) as refusal:
        load(env)

    sentence = str(refusal.value)
    assert sentence.startswith(variable)
    assert wrong in sentence
    assert f"for example {example}" in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "env",
    [
        {"ENCRYPTION_KEY": "tiny-secret"},
        {"CROSSDOCK_ADMIN_PASSWORD": "tiny"},
        {"DATABASE_URL": "mysql://user:tiny@h/d"},
        {"REDIS_URL": "http://:tiny@h"},
        {"SLACK_WEBHOOK_URL": "tiny"},
    ],
)
def test_a_refused_secret_is_not_repeated(env: dict[str, str]):
    with pytest.raises(SettingsError) as refusal:
        load(env)

    assert "tiny" not in str(refusal.value)


def test_nothing_set_is_an_installation_on_loopback(tmp_path: Path):
    found = load({"CROSSDOCK_DATA_DIR": str(tmp_path)})

    assert (found.host, found.port) == ("127.0.0.1", 8000)
    assert found.database_url == f"sqlite:///{tmp_path}/crossdock.sqlite3"
    assert found.redis_url == f"unix://{tmp_path}/valkey.sock"
    assert found.embeds_valkey
    assert found.public_url == "http://127.0.0.1:8000"
    assert not found.is_production
    assert not found.require_https
    assert found.egress_allow == found.trusted_proxies == ()


def test_an_empty_value_counts_as_absent():
    assert load({"CROSSDOCK_PORT": "", "DATABASE_URL": " "}).port == 8000


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_reached_by_the_driver_that_is_installed(scheme: str):
    found = load({"DATABASE_URL": f"{scheme}://u:p@h:5432/db", "ENCRYPTION_KEY": KEY})

    assert found.database_url == "postgresql+psycopg://u:p@h:5432/db"


def test_several_encryption_keys_keep_their_order():
    found = load({"ENCRYPTION_KEY": f"{KEY}, {KEY[::-1]}"})

    assert [key.get_secret_value() for key in found.encryption_keys] == [KEY, KEY[::-1]]


def test_networks_are_addresses_or_ranges_of_both_families():
    found = load({"CROSSDOCK_EGRESS_ALLOW": "127.0.0.1, 10.0.0.7/8,fd00::/8"})

    assert found.egress_allow == (ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def test_https_is_required_in_production_unless_switched_off():
    production = {"CROSSDOCK_ENV": "production", "ENCRYPTION_KEY": KEY}

    assert load(production).require_https
    assert not load({**production, "CROSSDOCK_REQUIRE_HTTPS": "off"}).require_https
    assert load({"CROSSDOCK_REQUIRE_HTTPS": "on"}).require_https


@pytest.mark.parametrize(
    ("host", "public_url"),
    [
        ("0.0.0.0", "http://127.0.0.1:9000"),
        ("::", "http://[::1]:9000"),
        ("::1", "http://[::1]:9000"),
        ("localhost", "http://localhost:9000"),
    ],
)
def test_the_public_url_follows_host_and_port(host: str, public_url: str):
    found = load({"CROSSDOCK_HOST": host, "CROSSDOCK_PORT": "9000"})

    assert found.public_url == public_url
    assert found.own_origins[0] == public_url
    assert {"http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000"} <= set(found.own_origins)


def test_listening_on_a_network_in_plain_http_is_refused_for_want_of_a_safe_cookie():
    with pytest.raises(SettingsError, match="CROSSDOCK_PUBLIC_URL is plain http"):
        load({"CROSSDOCK_HOST": "192.168.1.5"})

    assert load({"CROSSDOCK_HOST": "192.168.1.5", "CROSSDOCK_PUBLIC_URL": "https://dock.example"}).public_url == "https://dock.example"


def test_oauth_clients_are_found_by_provider():
    found = load({"GOOGLE_CLIENT_ID": "id", "GOOGLE_CLIENT_SECRET": "hush", "SLACK_CLIENT_ID": "lonely"})

    client = found.oauth_client("google_calendar")
    assert client is not None
    assert (client.client_id, client.client_secret.get_secret_value()) == ("id", "hush")
    assert found.oauth_client("slack") is None


def test_no_secret_shows_when_settings_are_printed():
    env = {
        "ENCRYPTION_KEY": KEY,
        "DATABASE_URL": "postgresql://u:pass-word@h/d",
        "REDIS_URL": "redis://:pass-word@h",
        "CROSSDOCK_ADMIN_EMAIL": "a@b.example",
        "CROSSDOCK_ADMIN_PASSWORD": "pass-word-pass-word",
        "SLACK_WEBHOOK_URL": "https://hooks.example/pass-word",
        "X_CLIENT_ID": "x",
        "X_CLIENT_SECRET": "pass-word",
    }
    shown = repr(load(env)) + str(load(env))

    assert "pass-word" not in shown
    assert KEY not in shown


def test_a_key_is_generated_once_and_for_its_owner_alone(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ENCRYPTION_KEY")
    settings.cache_clear()
    first = settings().encryption_keys
    settings.cache_clear()

    assert settings().encryption_keys == first
    assert len(first[0].get_secret_value()) == 64
    assert stat.S_IMODE((data_dir / "encryption.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert [path.name for path in data_dir.iterdir()] == ["encryption.key"]


def test_a_configured_key_leaves_no_file(data_dir: Path):
    settings()

    assert not (data_dir / "encryption.key").exists()


def test_a_data_folder_that_cannot_be_made_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingsError, match=r"^CROSSDOCK_DATA_DIR must be a folder"):
        make_data_dir(tmp_path / "file" / "data")


def test_a_long_data_folder_has_its_socket_in_a_private_short_one(tmp_path: Path):
    long = tmp_path / ("d" * 90)
    long.mkdir()

    path = embedded_socket(long)

    assert len(os.fsencode(path)) <= 103
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert embedded_socket(long) == path
    assert (long / "valkey.socket-path").read_text().strip() == str(path)
    path.parent.rmdir()
    assert embedded_socket(long) != path


def test_a_folder_that_others_can_enter_is_not_used_for_the_socket(tmp_path: Path):
    long = tmp_path / ("d" * 90)
    long.mkdir()
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    (long / "valkey.socket-path").write_text(str(shared / "valkey.sock"))

    assert embedded_socket(long).parent != shared


def test_a_misspelt_variable_is_noticed():
    assert unknown_variables({"CROSSDOCK_PROT": "1", "CROSSDOCK_PORT": "1", "HOME": "/"}) == {"CROSSDOCK_PROT": "CROSSDOCK_PORT"}
