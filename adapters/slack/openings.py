"""Conversations that somebody has opened with the app and said nothing in yet, as apps of Slack's older agent surface have
them (`assistant_view`). Law: they are nobody's words, and nothing waits for what is done about them.

Such an app hears of a new chat before its first word, in an event with the root that Slack has made for it; each message
in it then stands in a thread. New apps are made with `agent_view` (see deploy/slack-manifest-agent.yaml), whose prompts the
manifest has, and hear nothing of the kind.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.outcomes import NO_FEATURE, Failure
from adapters.slack.standing import Standings
from adapters.slack.web import ask
from bot import sentences
from bot.ports import Incoming, Person, Place
from bot.translations import say

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
REMEMBERED = 2_000

PROMPTS = (
    (sentences.PROMPT_EXPLAIN, sentences.PROMPT_EXPLAIN_SAYS),
    (sentences.PROMPT_WRITE, sentences.PROMPT_WRITE_SAYS),
    (sentences.PROMPT_THINK, sentences.PROMPT_THINK_SAYS),
    (sentences.PROMPT_HELP, sentences.PROMPT_HELP_SAYS),
)
"""What stands on each button, and what a press on it says; at most four (assistant.threads.setSuggestedPrompts)."""


class Openings:
    """One for a connection."""

    def __init__(self, client: AsyncWebClient, standings: Standings) -> None:
        self._client = client
        self._standings = standings
        self._empty: OrderedDict[tuple[str, str], None] = OrderedDict()  # threads without a word
        self._errands: set[asyncio.Task[None]] = set()
        self._prompts = True

    def opened(self, place: Place, person: Person) -> None:
        """A thread for this person, with nothing in it."""
        self._empty[place.channel, place.thread] = None
        if len(self._empty) > REMEMBERED:
            self._empty.popitem(last=False)
        if self._prompts:
            task = asyncio.create_task(self._suggest(place, person), name="slack-prompts")
            self._errands.add(task)
            task.add_done_callback(self._errands.discard)

    def begins(self, asked: Incoming) -> bool:
        """Whether these are the first words in such a thread; asked once of each message."""
        key = (asked.place.channel, asked.place.thread)
        if key not in self._empty:
            return False
        del self._empty[key]
        return True

    async def _suggest(self, place: Place, person: Person) -> None:
        language = (await self._standings.of(person.id)).locale
        answer = await ask(
            self._client.assistant_threads_setSuggestedPrompts(
                channel_id=place.channel,
                thread_ts=place.thread,
                prompts=[
                    {"title": say(language, title), "message": say(language, said)} for title, said in PROMPTS
                ],
            ),
            within=PATIENCE_SECONDS,
        )
        if isinstance(answer, Failure):
            log.info("a conversation got no prompts", extra={"code": answer.code})
            self._prompts = answer.code not in NO_FEATURE

    async def close(self) -> None:
        tasks = list(self._errands)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
