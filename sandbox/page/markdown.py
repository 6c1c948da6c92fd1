"""What a platform's own client makes of a message's source, as HTML. Law: nothing in a message becomes live HTML.

Two dialects, each a preset of markdown-it's engine: Slack's (the `markdown` block, and mrkdwn for `text`) in
`slack_dialect`, Discord's in `discord_dialect`. Whatever a dialect does not know stays text and is escaped; links
go to http, https and mailto only; nothing is ever fetched (an image is a link, an emoji is its name). So the page
may put the result into the document as it is, and a test may read from it whether a frame was well formed: a
delimiter that is still visible in the text was not closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sandbox.page.discord_dialect import discord_engine
from sandbox.page.slack_dialect import SlackMarkup, slack_engine

NOBODY: Mapping[str, str] = {}

__all__ = ["SlackMarkup", "discord_html", "slack_html"]


def slack_html(text: str, markup: SlackMarkup, *, names: Mapping[str, str] = NOBODY) -> str:
    """A Slack message as HTML. `names` gives the display names of user and channel ids.

    markup "slack-markdown" is the `markdown` block (and `markdown_text`), "slack-mrkdwn" the `text` of a message.
    """
    engine = slack_engine(markup)
    if markup == "slack-markdown":
        return str(engine.render(text, {"names": names})).strip()
    return str(engine.renderInline(text.strip(), {"names": names})).strip()


def discord_html(text: str, *, names: Mapping[str, str] = NOBODY, now: datetime | None = None) -> str:
    """A Discord message's `content` as HTML. `now` is what relative timestamps are told from.

    `@everyone` stays plain text: whether it pings is decided by `allowed_mentions`, which the text does not say.
    """
    env = {"names": names, "now": now or datetime.now(UTC)}
    return str(discord_engine().renderInline(text.strip(), env)).strip()
