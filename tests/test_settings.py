"""Settings: every mistake at once, secrets never shown, and `.env.example` true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.settings import Settings, SettingsError, load, variable

ROOT = Path(__file__).parent.parent
WHOLE = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "ANTHROPIC_API_KEY": "sk-ant-1"}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(variable(field), raising=False)


def given(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load(None)


def test_one_platform_and_a_key_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = given(monkeypatch, **WHOLE)
    assert settings.discord_bot_token is None
    assert (settings.model, settings.effort, settings.thinking) == (
        "claude-sonnet-5-5",
        "low",
        "between_tools",
    )


def test_all_mistakes_are_told_in_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong values, missing partners and a missing key: nobody should have to start five times."""
    with pytest.raises(SettingsError) as told:
        given(
            monkeypatch,
            SLACK_BOT_TOKEN="banana",
            DISCORD_BOT_TOKEN="no-dots",
            INKSTREAM_MAX_TOKENS="many",
            DATABASE_URL="mysql://user:hunter2@host/name",
            DRAIN_SECONDS="-1",
        )
    message = str(told.value)
    for name in (
        "SLACK_BOT_TOKEN: does not begin with xoxb-",
        "SLACK_APP_TOKEN: is missing",
        "DISCORD_BOT_TOKEN: is not a bot token",
        "ANTHROPIC_API_KEY: is missing",
        "INKSTREAM_MAX_TOKENS:",
        "DATABASE_URL:",
        "DRAIN_SECONDS:",
    ):
        assert name in message
    assert "api.slack.com/apps" in message, "how to get each"
    assert "platform.claude.com" in message


def test_no_value_of_a_secret_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as told:
        given(
            monkeypatch, SLACK_BOT_TOKEN="very-secret-banana", DATABASE_URL="mysql://user:hunter2@host/name"
        )
    assert "banana" not in str(told.value)
    assert "hunter2" not in str(told.value)
    assert "sk-ant-1" not in repr(given(monkeypatch, **WHOLE, DATABASE_URL="sqlite:///x"))


def test_nothing_set_asks_for_a_platform_and_a_key() -> None:
    with pytest.raises(SettingsError, match="one platform's token is needed") as told:
        load(None)
    assert "ANTHROPIC_API_KEY: is missing" in str(told.value)


def test_other_servers_make_up_their_own_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = given(
        monkeypatch,
        SLACK_BOT_TOKEN="anything",
        SLACK_APP_TOKEN="anything",
        SLACK_API_URL="http://127.0.0.1:5001/api/",
        DISCORD_BOT_TOKEN="anything",
        DISCORD_API_URL="http://127.0.0.1:5002/api/v10",
        ANTHROPIC_BASE_URL="http://127.0.0.1:5003",
    )
    assert settings.anthropic_api_key is None


def test_events_over_http_need_the_signing_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="SLACK_SIGNING_SECRET: is missing"):
        given(monkeypatch, SLACK_BOT_TOKEN="xoxb-1", SLACK_HTTP_PORT="3000", ANTHROPIC_API_KEY="k")


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "".join(f"{name}={value}\n" for name, value in WHOLE.items()) + "INKSTREAM_MODEL=from-file\n"
    )
    assert load(file).model == "from-file"
    monkeypatch.setenv("INKSTREAM_MODEL", "from-environment")
    assert load(file).model == "from-environment"


@pytest.mark.parametrize("written", ["http://127.0.0.1:1", "http://127.0.0.1:1/", "http://127.0.0.1:1/v1/"])
def test_claudes_address_may_be_written_with_its_version(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    assert given(monkeypatch, **WHOLE, ANTHROPIC_BASE_URL=written).anthropic_base_url == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("given_url", "understood"),
    [
        ("sqlite:///inkstream.sqlite3", "sqlite:///inkstream.sqlite3"),
        ("sqlite:////data/inkstream.sqlite3", "sqlite:////data/inkstream.sqlite3"),
        ("sqlite+aiosqlite:///x", "sqlite:///x"),
        ("sqlite+aiosqlite:////data/x", "sqlite:////data/x"),
    ],
)
def test_a_database_url_is_understood_also_as_older_versions_wanted_it(
    monkeypatch: pytest.MonkeyPatch, given_url: str, understood: str
) -> None:
    assert given(monkeypatch, **WHOLE, DATABASE_URL=given_url).database_url == understood


def test_env_example_lists_every_setting_with_its_default_and_why() -> None:
    """What an operator copies must be what the code reads."""
    text = (ROOT / ".env.example").read_text()
    listed = dict(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=(.*)$", text, flags=re.MULTILINE))
    fields = {variable(field): info for field, info in Settings.model_fields.items()}
    assert listed.keys() == fields.keys()
    for name, info in fields.items():
        assert f"# {info.description}\n" in text, f"{name}: its line of why"
        default = "" if info.default is None else info.default
        assert listed[name] == (f"{default:g}" if isinstance(default, float) else str(default)), name
