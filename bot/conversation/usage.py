"""What `/claude usage` says. Pure. Law: everybody sees their own spending; a channel's and the workspace's are for managers."""

from __future__ import annotations

from bot import sentences
from bot.conversation.preferences import Preferences
from bot.conversation.spending import dollars
from bot.store.ledger import Cost, Summary
from bot.translations import say


def told(summary: Summary, preferences: Preferences, *, manages: bool, language: str) -> str:
    """The lines, as Markdown."""
    today, month = summary.today, summary.month
    lines = [_line(language, sentences.USAGE_YOU, today.person, month.person, preferences.person_daily)]
    if manages:
        lines += [
            _line(language, sentences.USAGE_CHANNEL, today.channel, month.channel, preferences.channel_daily),
            _line(
                language,
                sentences.USAGE_WORKSPACE,
                today.workspace,
                month.workspace,
                preferences.workspace_daily,
            ),
        ]
    return "\n".join(lines)


def _line(language: str, who: str, today: Cost, month: Cost, limit: int) -> str:
    said = say(
        language,
        sentences.USAGE_LINE,
        who=say(language, who),
        today=dollars(today.micros),
        month=dollars(month.micros),
        answers=today.replies,
        total=month.replies,
    )
    return f"- {said}" + (" " + say(language, sentences.USAGE_LIMIT, limit=dollars(limit)) if limit else "")
