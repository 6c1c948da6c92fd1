"""The command line, and the only file that names the adapters.

inkstream run            the bot, with settings from the environment or .env
inkstream demo           the sandbox, the bot and a page to try it in; no token needed
inkstream demo --once Q  the same without a browser: asks on both platforms and prints how the answers grew
"""

from __future__ import annotations

import asyncio
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer

from adapters.discord.platform import DiscordPlatform
from adapters.slack.platform import SlackPlatform
from bot.app import App
from bot.conversation.panel import mistakes
from bot.ports import Platform
from bot.service import logs
from bot.settings import Settings, SettingsError, load

app = typer.Typer(
    help="Claude's answers grow in Slack and Discord, as fast as the platforms allow and never faster.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def run(
    env_file: Annotated[
        Path, typer.Option(help="Where settings are read from besides the environment.")
    ] = Path(".env"),
) -> None:
    """Run the bot until SIGTERM or Ctrl-C."""
    try:
        settings = load(env_file)
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    logs.configure(settings.log_format, settings.log_level)
    raise typer.Exit(asyncio.run(_run(settings)))


async def _run(settings: Settings) -> int:
    return await App(settings, platforms(settings)).run()


def platforms(settings: Settings) -> list[Platform]:
    """The platforms whose tokens are set. Needs a running loop."""
    made: list[Platform] = []
    if settings.slack_bot_token:
        made.append(
            SlackPlatform(
                bot_token=settings.slack_bot_token.get_secret_value(),
                app_token=settings.slack_app_token.get_secret_value() if settings.slack_app_token else "",
                signing_secret=settings.slack_signing_secret.get_secret_value()
                if settings.slack_signing_secret
                else "",
                api_url=settings.slack_api_url,
                http_port=settings.slack_http_port,
                http_host=settings.slack_http_host,
                page_limit=settings.slack_page_characters,
                agent=settings.slack_agent == "on",
                streaming=settings.slack_streaming,
                check=mistakes,
            )
        )
    if settings.discord_bot_token:
        made.append(
            DiscordPlatform(
                token=settings.discord_bot_token.get_secret_value(),
                api_url=settings.discord_api_url,
                page_limit=settings.discord_page_characters,
                ping_asker=settings.discord_ping_asker == "on",
            )
        )
    return made


@app.command()
def demo(
    once: Annotated[
        str | None,
        typer.Option(metavar="QUESTION", help="Ask once on both platforms, print the timelines, end."),
    ] = None,
    port: Annotated[int, typer.Option(help="The page's port; 0 takes any that is free.")] = 5000,
    log_level: Annotated[str, typer.Option(help="What the bot logs to the terminal.")] = "WARNING",
) -> None:
    """Try the bot without any token: a local Slack and Discord in your browser, and the real bot between them.

    With ANTHROPIC_API_KEY set, the real Claude answers; otherwise a scripted one does.
    """
    from bot import demo as demonstration  # noqa: PLC0415 - a bot in service does not load the sandbox

    raise typer.Exit(asyncio.run(demonstration.run(once=once, port=port, log_level=log_level)))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(installed_version("inkstream"))


def main() -> None:
    app()


if __name__ == "__main__":
    main()
