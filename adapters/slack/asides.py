"""What is said beside the reply: a status, and a sentence to the asker alone. Law: nothing here fails or waits long."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import blocks
from adapters.slack.outcomes import DEFAULT_RETRY, REFUSED, Failure
from adapters.slack.web import ask
from bot.ports import Incoming, Place

log = logging.getLogger(__name__)

STATUSES_A_SECOND = 10
STATUS_SECONDS = 90.0  # Slack forgets a status after two minutes
STATUS_OFF_SECONDS = 3600.0
PATIENCE_SECONDS = 5.0
LONGEST_STATUS = 200  # not documented; a status is one short line
RESPONSE_URL_SECONDS = 1_800.0  # good for 30 minutes and five answers
REMEMBERED = 1_000

USAGE = "Write your question after the command: `{command} Why is the sky blue?`"

NO_STATUS = frozenset(
    {
        "channel_type_not_supported",
        "feature_disabled",
        "feature_not_enabled",
        "http_404",
        "method_deprecated",
        "missing_scope",
        "not_agent_app",
        "not_allowed_token_type",
        "unknown_method",
    }
)
"""This workspace or server has no status to show: it is not asked again for an hour."""


class Asides:
    def __init__(self, client: AsyncWebClient, session: aiohttp.ClientSession) -> None:
        self._client = client
        self._session = session
        self._status_off_until = 0.0
        self._statuses: deque[float] = deque()  # when
        self._response_urls: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._errands: set[asyncio.Task[None]] = set()

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
        if answer.code in NO_STATUS:
            self._status_off_until = loop.time() + STATUS_OFF_SECONDS
            log.warning("Slack shows no status here", extra={"code": answer.code})
        elif answer.status == 429 or answer.code in REFUSED:
            self._status_off_until = loop.time() + (answer.retry_after or DEFAULT_RETRY)

    def asked(self, incoming: Incoming, body: Mapping[str, Any]) -> None:
        """Keep the address at which this command's asker can be told something."""
        url = _response_url(body)
        if url:
            self._response_urls[incoming.key] = (
                url,
                asyncio.get_running_loop().time() + RESPONSE_URL_SECONDS,
            )
            if len(self._response_urls) > REMEMBERED:
                self._response_urls.popitem(last=False)

    def emptied(self, incoming: Incoming, body: Mapping[str, Any]) -> None:
        """Somebody typed the command alone."""
        url, command = _response_url(body), body.get("command")
        if not url:
            log.warning("an empty command came without an address to answer", extra={"key": incoming.key})
            return
        sentence = USAGE.format(command=command if isinstance(command, str) else "/ask")
        task = asyncio.create_task(self._usage(url, sentence), name="slack-usage")
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def tell(self, incoming: Incoming, sentence: str) -> bool:
        url, until = self._response_urls.get(incoming.key, ("", 0.0))
        if url and asyncio.get_running_loop().time() < until and await self._respond(url, sentence):
            return True
        answer = await ask(
            self._client.chat_postEphemeral(
                channel=incoming.place.channel,
                user=incoming.person.id,
                thread_ts=incoming.place.thread or None,
                text=blocks.inert(sentence),
            ),
            within=PATIENCE_SECONDS,
        )
        if isinstance(answer, Failure):
            log.warning("the asker could not be told", extra={"key": incoming.key, "code": answer.code})
            return False
        return True

    async def close(self) -> None:
        tasks = list(self._errands)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _usage(self, url: str, sentence: str) -> None:
        await self._respond(url, sentence)

    async def _respond(self, url: str, sentence: str) -> bool:
        """A response_url carries its own permission; the bot's token is not sent to it, nor is it ever logged."""
        try:
            async with (
                asyncio.timeout(PATIENCE_SECONDS),
                self._session.post(
                    url, json={"response_type": "ephemeral", "text": blocks.inert(sentence)}
                ) as response,
            ):
                if response.status == 200:
                    return True
                code = f"http_{response.status}"
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            code = type(error).__name__
        log.warning("a response_url did not answer", extra={"code": code})
        return False


def _response_url(body: Mapping[str, Any]) -> str:
    url = body.get("response_url")
    return url if isinstance(url, str) and url.startswith(("https://", "http://")) else ""
