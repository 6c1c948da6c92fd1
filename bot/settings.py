"""Environment (and `.env`) -> one frozen `Settings`. Law: every mistake is reported, all of them at once.

Each field's description is the line that `.env.example` carries; a test holds the two together. Errors name the
variable and say how to get what belongs there; they never repeat a secret's value.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsConfigDict

from bot.channel_defaults import ChannelDefaults, Switch, listed
from bot.claude.prices import Prices, PricesError

SLACK_API = "https://slack.com/api/"
DISCORD_API = "https://discord.com/api/v10"
ANTHROPIC_API = "https://api.anthropic.com"

HOW_TO_GET = {
    "SLACK_BOT_TOKEN": "api.slack.com/apps > your app > OAuth & Permissions > Bot User OAuth Token (xoxb-...)",
    "SLACK_APP_TOKEN": "api.slack.com/apps > your app > Basic Information > App-Level Tokens, "
    "scope connections:write (xapp-...)",
    "SLACK_SIGNING_SECRET": "api.slack.com/apps > your app > Basic Information > Signing Secret",
    "DISCORD_BOT_TOKEN": "discord.com/developers/applications > your app > Bot > Reset Token",
    "ANTHROPIC_API_KEY": "platform.claude.com > API keys (sk-ant-...)",
}


def _http_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("is not an http:// or https:// address")
    return value


def _without_version(value: str) -> str:
    """The SDK appends /v1/messages itself; other servers' documentation often shows the address with /v1."""
    return value.rstrip("/").removesuffix("/v1")


def _database_url(value: str) -> str:
    """Accept the form that older versions asked for, with the driver that they used."""
    if value.startswith("sqlite+aiosqlite:///"):
        return value.replace("+aiosqlite", "", 1)
    if not value.startswith("sqlite:///"):
        raise ValueError("is not sqlite:///path/to/file (the one database that this version keeps)")
    return value


HttpUrl = Annotated[str, AfterValidator(_http_url)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]


def _env(name: str, default: Any, why: str, **limits: Any) -> Any:
    return Field(default, validation_alias=AliasChoices(name), description=why, **limits)


def _prices(value: str) -> str:
    try:
        Prices.load(value)
    except PricesError as error:
        raise ValueError(str(error)) from error
    return value


class Settings(ChannelDefaults):
    """What a running bot was told. Lengths of time in seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_ignore_empty=True,
        env_file_encoding="utf-8",
        extra="ignore",
        case_sensitive=True,
        validate_default=True,
    )

    slack_bot_token: SecretStr | None = _env(
        "SLACK_BOT_TOKEN", None, "Slack: the bot's own token (xoxb-...)."
    )
    slack_app_token: SecretStr | None = _env(
        "SLACK_APP_TOKEN", None, "Slack: the token that opens Socket Mode (xapp-...)."
    )
    slack_signing_secret: SecretStr | None = _env(
        "SLACK_SIGNING_SECRET", None, "Slack over HTTP instead of Socket Mode: checks who sends the events."
    )
    slack_http_port: int | None = _env(
        "SLACK_HTTP_PORT",
        None,
        "Slack over HTTP: the port that receives events at /slack/events.",
        ge=1,
        le=65535,
    )
    slack_http_host: str = _env(
        "SLACK_HTTP_HOST", "127.0.0.1", "Slack over HTTP: the address to listen on; 0.0.0.0 in a container."
    )
    slack_api_url: HttpUrl = _env("SLACK_API_URL", SLACK_API, "Another server that speaks Slack's API.")
    slack_agent: Switch = _env(
        "SLACK_AGENT",
        "off",
        "on: the app was made with the agent manifest; each direct message begins a thread with a title.",
    )
    discord_ping_asker: Switch = _env(
        "DISCORD_PING_ASKER", "on", "on: the first message of an answer pings who asked, as replies do."
    )
    discord_bot_token: SecretStr | None = _env("DISCORD_BOT_TOKEN", None, "Discord: the bot's token.")
    discord_api_url: HttpUrl = _env(
        "DISCORD_API_URL",
        DISCORD_API,
        "Another server that speaks Discord's API; it is asked for the Gateway's address.",
    )
    anthropic_api_key: SecretStr | None = _env("ANTHROPIC_API_KEY", None, "Claude: the API key.")
    anthropic_base_url: Annotated[HttpUrl, AfterValidator(_without_version)] = _env(
        "ANTHROPIC_BASE_URL", ANTHROPIC_API, "Another server that speaks Claude's API, without /v1."
    )

    model: str = _env("INKSTREAM_MODEL", "claude-sonnet-5-5", "The model that answers.", min_length=1)
    effort: Literal["low", "medium", "high", "xhigh", "max", "off"] = _env(
        "INKSTREAM_EFFORT",
        "low",
        "How hard the model works; low gives the first word soonest. off: not sent.",
    )
    thinking: Literal["between_tools", "adaptive", "disabled", "off"] = _env(
        "INKSTREAM_THINKING", "between_tools", "When the model thinks before it speaks. off: not sent."
    )
    max_tokens: int = _env(
        "INKSTREAM_MAX_TOKENS", 8192, "The longest answer, in tokens; thinking counts.", ge=1, le=128_000
    )
    system_prompt: str = _env(
        "INKSTREAM_SYSTEM_PROMPT", "", "What every conversation is told first, after the manners."
    )
    prices: Annotated[str, AfterValidator(_prices)] = _env(
        "INKSTREAM_PRICES",
        "",
        "Other prices than the known ones: JSON, or the path of such a file (bot/claude/prices.json shows how).",
    )
    silence_seconds: float = _env(
        "INKSTREAM_CLAUDE_SILENCE_SECONDS",
        300.0,
        "A model that only pings for this long is given up.",
        ge=1,
    )

    direct_silence_hours: float = _env(
        "INKSTREAM_DIRECT_SILENCE_HOURS", 6.0, "A direct conversation ends after this much silence.", gt=0
    )
    question_characters: int = _env(
        "INKSTREAM_QUESTION_CHARACTERS", 50_000, "A longer question is refused with a sentence.", ge=100
    )
    history_tokens: int = _env(
        "INKSTREAM_HISTORY_TOKENS",
        150_000,
        "A conversation longer than this has its oldest turns summarised; counted roughly, files with it.",
        ge=1_000,
    )
    summary_model: str = _env(
        "INKSTREAM_SUMMARY_MODEL", "", "The model that summarises; empty: the one that answers."
    )
    files_at_once: int = _env(
        "INKSTREAM_FILES_AT_ONCE", 10, "Files of one question that are read. 0: none.", ge=0, le=20
    )
    file_megabytes: float = _env("INKSTREAM_FILE_MEGABYTES", 10.0, "A larger file is not read.", gt=0, le=20)
    file_pages: int = _env(
        "INKSTREAM_FILE_PAGES", 100, "Pages of PDF that one request may have.", ge=1, le=600
    )
    file_characters: int = _env(
        "INKSTREAM_FILE_CHARACTERS",
        200_000,
        "Text that is read out of the files of one question; the rest is left out.",
        ge=1_000,
    )
    file_cache_megabytes: float = _env(
        "INKSTREAM_FILE_CACHE_MEGABYTES",
        64.0,
        "Memory for files that a conversation goes on about; what has no room is fetched again.",
        ge=0,
    )
    replies_at_once: int = _env(
        "INKSTREAM_REPLIES_AT_ONCE", 200, "More answers than this at the same time wait their turn.", ge=1
    )

    allowed_workspaces: str = _env(
        "INKSTREAM_WORKSPACES",
        "",
        "Only these workspaces and guilds are served: their ids, with commas between.",
    )
    denied_workspaces: str = _env(
        "INKSTREAM_DENIED_WORKSPACES", "", "These workspaces and guilds are not served (ids)."
    )
    manager_groups: str = _env(
        "INKSTREAM_MANAGER_GROUPS",
        "",
        "Members of these user groups or roles may change the settings, besides managers (ids).",
    )

    locked: str = _env(
        "INKSTREAM_LOCKED",
        "",
        "Of these settings (INKSTREAM_MODEL, INKSTREAM_DOLLARS_PER_WORKSPACE, ...) no chat changes anything.",
    )

    slack_page_characters: int = _env(
        "SLACK_PAGE_CHARACTERS",
        10_000,
        "A Slack message holds this much of an answer (12,000 is refused).",
        ge=500,
        le=11_500,
    )
    slack_streaming: Literal["edit", "native"] = _env(
        "SLACK_STREAMING",
        "edit",
        "How answers grow in direct messages: edit, or native (Slack's own streams; best with SLACK_AGENT).",
    )
    discord_page_characters: int = _env(
        "DISCORD_PAGE_CHARACTERS", 2_000, "A Discord message holds this much of an answer.", ge=200, le=2_000
    )

    database_url: DatabaseUrl = _env(
        "DATABASE_URL", "sqlite:///inkstream.sqlite3", "Where conversations are kept."
    )
    keep_days: float = _env(
        "INKSTREAM_KEEP_DAYS",
        180.0,
        "A conversation in which nothing was said for so long is forgotten; of its cost, sums are kept. 0: never.",
        ge=0,
    )
    drain_seconds: float = _env(
        "DRAIN_SECONDS",
        30.0,
        "At SIGTERM, answers have this long to end; keep the stop timeout 15 s above it.",
        ge=0,
    )
    health_host: str = _env(
        "HEALTH_HOST", "127.0.0.1", "The address that /healthz, /readyz and /metrics listen on."
    )
    health_port: int | None = _env(
        "HEALTH_PORT",
        None,
        "The port of /healthz, /readyz and /metrics; without it there are none.",
        ge=0,
        le=65535,
    )
    log_format: Literal["console", "json"] = _env(
        "LOG_FORMAT", "console", "console for people, json for machines."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _env(
        "LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR; no level logs what people write."
    )

    @model_validator(mode="after")
    def _whole(self) -> Settings:
        """What only shows when the fields are seen together. All mistakes of this kind in one error."""
        mistakes = [*self._slack_mistakes(), *self._discord_mistakes(), *self._lock_mistakes()]
        if not self.slack_bot_token and not self.discord_bot_token:
            mistakes.append("SLACK_BOT_TOKEN or DISCORD_BOT_TOKEN: one platform's token is needed")
        if not self.anthropic_api_key and self.anthropic_base_url == ANTHROPIC_API:
            mistakes.append("ANTHROPIC_API_KEY: is missing")
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self

    def _slack_mistakes(self) -> list[str]:
        mistakes = []
        if self.slack_api_url == SLACK_API:  # other servers make up their own tokens
            for name, token, prefix in (
                ("SLACK_BOT_TOKEN", self.slack_bot_token, "xoxb-"),
                ("SLACK_APP_TOKEN", self.slack_app_token, "xapp-"),
            ):
                if token and not token.get_secret_value().startswith(prefix):
                    mistakes.append(f"{name}: does not begin with {prefix}")
        if self.slack_bot_token and not self.slack_app_token:
            if not self.slack_http_port:
                mistakes.append(
                    "SLACK_APP_TOKEN: is missing (or SLACK_HTTP_PORT, to receive events over HTTP)"
                )
            elif not self.slack_signing_secret:
                mistakes.append(
                    "SLACK_SIGNING_SECRET: is missing; events over HTTP are not believed without it"
                )
        if not self.slack_bot_token and self.slack_app_token:
            mistakes.append("SLACK_BOT_TOKEN: is missing, though SLACK_APP_TOKEN is there")
        return mistakes

    def _discord_mistakes(self) -> list[str]:
        token = self.discord_bot_token
        if token and self.discord_api_url == DISCORD_API and token.get_secret_value().count(".") != 2:
            return ["DISCORD_BOT_TOKEN: is not a bot token (three parts with dots between)"]
        return []

    def _lock_mistakes(self) -> list[str]:
        changeable = {variable(field) for field in (*ChannelDefaults.model_fields, "model", "effort")}
        unknown = [name for name in listed(self.locked) if name not in changeable]
        return [f"INKSTREAM_LOCKED: no chat can change {name}" for name in unknown]


class SettingsError(Exception):
    """The settings cannot be used; the message lists every mistake and how to mend it."""


def load(env_file: Path | None = Path(".env"), **overrides: Any) -> Settings:
    """Read the environment and, where it exists, `env_file`. Raises SettingsError."""
    try:
        return Settings(_env_file=env_file, **overrides)
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_input=False)
    # Wrong values keep pydantic from looking at the settings as a whole: look again, with defaults in their place.
    wrong = {str(mistake["loc"][0]) for mistake in mistakes if mistake["loc"]}
    defaults = {
        name: Settings.model_fields[field].default for field, name in _names().items() if name in wrong
    }
    if defaults:
        try:
            Settings(_env_file=env_file, **{**overrides, **defaults})
        except ValidationError as error:
            mistakes += error.errors(include_url=False, include_input=False)
    raise SettingsError(_report(mistakes))


def _report(errors: list[ErrorDetails]) -> str:
    lines: list[str] = []
    for error in errors:
        said = error["msg"].removeprefix("Value error, ")
        if error["loc"]:
            lines.append(f"{error['loc'][0]}: {said}")
        else:
            lines.extend(said.split("\n"))
    told: list[str] = []
    for line in lines:
        told.append(f"  {line}")
        told += [f"      get it at: {how}" for name, how in HOW_TO_GET.items() if line.startswith(name)]
    many = "One setting is" if len(lines) == 1 else f"{len(lines)} settings are"
    return "\n".join(
        [f"{many} missing or wrong:", *told, "Set them in the environment or in .env (see .env.example)."]
    )


def _names() -> Mapping[str, str]:
    return {field: variable(field) for field in Settings.model_fields}


def variable(field: str) -> str:
    """The environment variable of a field: `variable("model")` is "INKSTREAM_MODEL"."""
    alias = Settings.model_fields[field].validation_alias
    if not isinstance(alias, AliasChoices):
        raise TypeError(f"the field {field} names no environment variable")
    return str(alias.choices[0])
