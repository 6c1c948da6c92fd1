"""What is said beside the reply: a status, a sentence or a form for one person alone. Law: nothing here fails or waits
long.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import blocks
from adapters.slack.dialect import SlackDialect
from adapters.slack.outcomes import BLOCKS_DISLIKED, DEFAULT_RETRY, NO_FEATURE, REFUSED, Failure
from adapters.slack.routes import Routes
from adapters.slack.web import ask
from bot.ports import Button, Person, Place

log = logging.getLogger(__name__)

STATUSES_A_SECOND = 10
STATUS_SECONDS = 90.0  # Slack forgets a status after two minutes
STATUS_OFF_SECONDS = 3600.0
PATIENCE_SECONDS = 5.0
LONGEST_TITLE = 60  # 200 are allowed (agents.sessions.rename); a list shows some sixty
BAD_RESPONSE = "http_400"  # what a response_url answers to blocks that it does not take
LONGEST_STATUS = 200  # not documented; a status is one short line


def title_of(question: str) -> str:
    """The first words of a question, in one line."""
    words = " ".join(question.split())
    return words if len(words) <= LONGEST_TITLE else words[: LONGEST_TITLE - 1].rstrip() + "…"


class Asides:
    def __init__(self, client: AsyncWebClient, session: aiohttp.ClientSession, routes: Routes) -> None:
        self._client = client
        self._session = session
        self._routes = routes
        self._status_off_until = 0.0
        self._titles = True
        self._errands: set[asyncio.Task[None]] = set()
        self._statuses: deque[float] = deque()  # when

    async def status(self, place: Place, text: str) -> None:
        """Under the thread's composer. An unthreaded DM has no thread to show it in."""
        loop = asyncio.get_running_loop()
        if not place.thread or loop.time() < self._status_off_until:
            return
        # 600 a minute are documented and no burst is: where many ask at once, some go without.
        while self._statuses and loop.time() - self._statuses[0] >= 1.0:
            self._statuses.popleft()
        if text and len(self._statuses) >= STATUSES_A_SECOND:
            return
        self._statuses.append(loop.time())
        answer = await ask(
            self._client.assistant_threads_setStatus(
                channel_id=place.channel, thread_ts=place.thread, status=text[:LONGEST_STATUS]
            ),
            within=PATIENCE_SECONDS,
        )
        if not isinstance(answer, Failure):
            return
        if answer.code in NO_FEATURE:
            self._status_off_until = loop.time() + STATUS_OFF_SECONDS
            log.warning("Slack shows no status here", extra={"code": answer.code})
        elif answer.status == 429 or answer.code in REFUSED:
            self._status_off_until = loop.time() + (answer.retry_after or DEFAULT_RETRY)

    def title(self, place: Place, title: str) -> None:
        """What the conversation is called in Slack's own list of them; nobody waits for it."""
        if self._titles and place.thread and title:
            task = asyncio.create_task(self._title(place, title), name="slack-title")
            self._errands.add(task)
            task.add_done_callback(self._errands.discard)

    async def _title(self, place: Place, title: str) -> None:
        answer = await ask(
            self._client.assistant_threads_setTitle(
                channel_id=place.channel, thread_ts=place.thread, title=title
            ),
            within=PATIENCE_SECONDS,
        )
        if isinstance(answer, Failure):
            log.info("a conversation got no title", extra={"code": answer.code})
            self._titles = answer.code not in NO_FEATURE

    async def close(self) -> None:
        tasks = list(self._errands)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def whisper(self, place: Place, person: Person, text: str, buttons: Sequence[Button] = ()) -> bool:
        """By the way in which the person has just acted, else by chat.postEphemeral, which members alone can be told."""
        told, plain, fallback = blocks.aside(
            SlackDialect().render(text, (), 0, len(text)), buttons, place.thread
        )
        code = ""
        for shown in (told, plain):
            code = await self._respond(place, shown, fallback)
            if not code:
                return True
            if code != BAD_RESPONSE:
                break
        for shown in (told, plain):
            code = await self._post(place, person, shown, fallback)
            if not code:
                return True
            if code not in BLOCKS_DISLIKED:
                break
        log.warning("somebody could not be told something", extra={"channel": place.channel, "code": code})
        return False

    async def _post(self, place: Place, person: Person, shown: list[blocks.Block], fallback: str) -> str:
        """Why it was not taken; "" where it was."""
        answer = await ask(
            self._client.chat_postEphemeral(
                channel=place.channel,
                user=person.id,
                thread_ts=place.thread or None,
                text=fallback,
                blocks=shown,
            ),
            within=PATIENCE_SECONDS,
        )
        return answer.code if isinstance(answer, Failure) else ""

    async def _respond(self, place: Place, shown: list[blocks.Block], fallback: str) -> str:
        """The same. A response_url carries its own permission: the bot's token is not sent to it."""
        way = self._routes.respond(place.route)
        if way is None:
            return "no_route"
        body: dict[str, Any] = {
            "response_type": "ephemeral",
            # A question that is answered asks no more: its buttons go.
            "replace_original": way.original,
            "text": fallback,
            "blocks": shown,
        }
        if place.thread:
            body["thread_ts"] = place.thread
        try:
            async with (
                asyncio.timeout(PATIENCE_SECONDS),
                self._session.post(way.url, json=body, allow_redirects=False) as response,
            ):
                if response.status == 200:
                    way.original = False
                    return ""
                code = f"http_{response.status}"
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            code = type(error).__name__
        log.warning("a response_url did not answer", extra={"code": code})
        return code

    async def open(self, place: Place, view: blocks.Block) -> bool:
        trigger = self._routes.trigger(place.route)
        if not trigger:
            log.info("a form came too late", extra={"channel": place.channel})
            return False
        answer = await ask(self._client.views_open(trigger_id=trigger, view=view), within=PATIENCE_SECONDS)
        if isinstance(answer, Failure):
            log.warning("a form could not be opened", extra={"code": answer.code})
            return False
        return True
