"""`python -m sandbox`: the three servers and the page alone, for any bot in any language.

Law: what it prints is all that a bot needs; it ends with 0 when it is told to end.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import typer

from sandbox.world import PortError, World

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    page_port: Annotated[
        int, typer.Option(help="The page and the control calls; 0 takes any free port.", min=0, max=65535)
    ] = 5000,
    slack_port: Annotated[int, typer.Option(help="The local Slack.", min=0, max=65535)] = 5001,
    discord_port: Annotated[int, typer.Option(help="The local Discord.", min=0, max=65535)] = 5002,
    claude_port: Annotated[int, typer.Option(help="The local Claude.", min=0, max=65535)] = 5003,
    scale: Annotated[
        float, typer.Option(help="Sandbox seconds per real second.", min=0.001, max=10_000)
    ] = 1.0,
) -> None:
    """Run a local Slack, Discord and Claude, and a page that shows them, until Ctrl-C."""
    try:
        asyncio.run(_run(host, page_port, slack_port, discord_port, claude_port, scale))
    except PortError as error:
        typer.echo(f"{error} Choose another with --{error.part}-port (0 takes any that is free).", err=True)
        raise typer.Exit(2) from None


async def _run(host: str, page: int, slack: int, discord: int, claude: int, scale: float) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    world = World(scale)
    await world.start(host=host, page=page, slack=slack, discord=discord, claude=claude)
    try:
        typer.echo(_words(world))
        await over.wait()
    finally:
        await world.stop()


def _words(world: World) -> str:
    settings = "\n".join(f"{name}={value}" for name, value in world.environment().items())
    return (
        f"The page     {world.url}\n"
        f"Control      {world.url}/control\n"
        f"Slack        {world.slack.url}\n"
        f"Discord      {world.discord.url}\n"
        f"Claude       {world.claude.url}\n\n"
        "Settings of a bot that talks to them (they open nothing else):\n\n"
        f"{settings}\n"
    )


def main() -> None:
    app()


if __name__ == "__main__":
    main()
