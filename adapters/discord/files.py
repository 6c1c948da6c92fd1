"""Files that come and files that go. Law: nothing is fetched but from Discord's own hosts, no token goes along, and no more is read than was asked for.

Attachments stand on Discord's CDN under signed links that end after about a day (docs: reference, signed attachment
links): they are read when they are needed, and an ended one is gone. Redirects are followed by hand, so that each host
is looked at before it is asked. What passes (a 429, a server's fault, a lost connection) is tried again a few times.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from yarl import URL

from adapters.discord import budgets, outbound
from adapters.discord.calls import Call, Calls, Met, now, plain
from adapters.discord.interactions import Interactions
from adapters.discord.outcomes import Expired, Unreferenced
from adapters.discord.rest import Rest
from adapters.discord.seen import Seen
from bot.ports import Attachment, File, Outcome, Place, Rejected, Sent, Unread

_log = logging.getLogger(__name__)

HOSTS: Final = frozenset({"cdn.discordapp.com", "media.discordapp.net"})

UPLOAD_LIMIT: Final = 10 * 1024 * 1024
"""Documented: 10 MiB a file, more in a server with boosts, which the Gateway tells."""

REQUEST_LIMIT: Final = 25 * 1024 * 1024
"""Documented: 25 MiB a request."""

UPLOAD_SECONDS: Final = 15.0
"""How long a closed budget is waited for: three of its windows."""

HOPS: Final = 3
DOWNLOAD_SECONDS: Final = 60.0
PIECE: Final = 64 * 1024
TRIES: Final = 4
AGAIN_SECONDS: Final = 20.0
"""No try begins later than this after the first one: somebody waits for the answer that needs the file."""


@dataclass(frozen=True, slots=True)
class _Later:
    """It may be had if it is asked for again."""

    unread: Unread
    retry_after: float = 0.0


class Files:
    """Uploads and downloads. `api_url`: an attachment may also stand on that host, which is Discord to us."""

    def __init__(
        self, rest: Rest, calls: Calls, seen: Seen, interactions: Interactions, *, api_url: str
    ) -> None:
        self._rest = rest
        self._calls = calls
        self._seen = seen
        self._interactions = interactions
        self._own = URL(api_url)
        self.first_pause = 0.5  # seconds before the second try of a download; doubled with each

    # ------------------------------------------------------------------------------------------------------- upload

    async def upload(self, place: Place, file: File, text: str) -> Outcome:
        """A file with a line of text, as a reply to the answer that it belongs to where Discord shows the arrow."""
        if len(file.data) > min(self._limit(place), REQUEST_LIMIT - 64 * 1024):
            return Rejected("too_large")
        named = File(_name(file.name), file.mime, file.data)
        body: dict[str, Any] = {
            "content": text[: outbound.CONTENT],
            "allowed_mentions": dict(outbound.NONE_PINGED),
            "flags": outbound.SUPPRESS_EMBEDS,
            "attachments": [{"id": "0", "filename": named.name}],
        }
        interaction = self._interactions.answering(place, now())
        if interaction is not None and interaction.original and not interaction.visible:
            call = self._calls.webhook(interaction, "POST", "", budgets.WEBHOOK_POST)
            followed = await self._calls.insist(
                call, body, within=UPLOAD_SECONDS, channel=place.channel, files=(named,)
            )
            if not isinstance(followed, Expired):
                return plain(followed)
            interaction.dead = True
        call = Call("POST", f"/channels/{place.channel}/messages", budgets.POST, place.channel)
        arrow = self._seen.page_of(place.reply_to) or place.reply_to
        reading: Met = Unreferenced("")
        if arrow:
            referring = {**body, "message_reference": outbound.referring(arrow, place.channel)}
            reading = await self._calls.insist(
                call, referring, within=UPLOAD_SECONDS, channel=place.channel, files=(named,)
            )
        if isinstance(reading, Unreferenced):
            reading = await self._calls.insist(
                call, body, within=UPLOAD_SECONDS, channel=place.channel, files=(named,)
            )
        if isinstance(reading, Sent):
            self._seen.made(reading.ref)
        return plain(reading)

    def _limit(self, place: Place) -> int:
        client = self._seen.client
        guild = (
            client.get_guild(int(place.workspace))
            if client is not None and place.workspace.isdigit()
            else None
        )
        return max(UPLOAD_LIMIT, guild.filesize_limit) if guild is not None else UPLOAD_LIMIT

    # ----------------------------------------------------------------------------------------------------- download

    async def download(self, attachment: Attachment, *, limit: int) -> File | Unread:
        if attachment.size > limit:
            return Unread("too_large")
        until, pause = now() + AGAIN_SECONDS, self.first_pause
        found: File | Unread | _Later = Unread("unavailable", "timeout")
        try:
            async with asyncio.timeout(DOWNLOAD_SECONDS):
                for _ in range(TRIES):
                    found = await self._had(attachment, limit)
                    if not isinstance(found, _Later):
                        return found
                    wait = max(pause * random.uniform(0.8, 1.2), found.retry_after)  # noqa: S311 - jitter
                    if now() + wait > until:
                        break
                    pause *= 2.0
                    await asyncio.sleep(wait)
        except TimeoutError:
            return Unread("unavailable", "timeout")
        return found.unread if isinstance(found, _Later) else found

    async def _had(self, attachment: Attachment, limit: int) -> File | Unread | _Later:
        """One attempt."""
        url = _url(attachment.url)
        try:
            for _ in range(HOPS + 1):
                if url is None or not self._is_discords(url):
                    return Unread("foreign")
                found = await self._fetch(url, attachment, limit)
                if not isinstance(found, URL):
                    return found
                url = found
        except (aiohttp.ClientError, OSError) as trouble:
            _log.info("an attachment could not be fetched: %s", type(trouble).__name__)
            return _Later(Unread("unavailable", type(trouble).__name__))
        return Unread("unavailable", "redirects")

    def _is_discords(self, url: URL) -> bool:
        if url.scheme == "https" and url.host in HOSTS and url.explicit_port is None:
            return True
        return url.host == self._own.host and url.scheme in ("https", self._own.scheme)

    async def _fetch(self, url: URL, attachment: Attachment, limit: int) -> File | Unread | _Later | URL:
        """The file, why not, or where it is instead."""
        session = self._rest.session()
        if session is None:
            return Unread("unavailable", "closed")
        async with session.get(url, allow_redirects=False) as response:
            if response.status in (301, 302, 303, 307, 308):
                where = _url(response.headers.get("Location", ""), url)
                return where if where is not None else Unread("foreign")
            if response.status != 200:
                unread = _unread(response.status)
                if response.status not in (408, 429) and response.status < 500:
                    return unread
                return _Later(unread, _seconds(response.headers.get("Retry-After")))
            if response.content_type == "text/html" and attachment.mime.partition(";")[0] != "text/html":
                return Unread("denied", "html")  # a page about the file, not the file
            if (response.content_length or 0) > limit:
                return Unread("too_large")
            data = bytearray()
            async for piece in response.content.iter_chunked(PIECE):
                data += piece
                if len(data) > limit:
                    return Unread("too_large")
            mime = attachment.mime or response.content_type
            return File(attachment.name, mime, bytes(data))


def _unread(status: int) -> Unread:
    if status in (401, 403):
        return Unread("denied", str(status))
    if status in (404, 410):
        return Unread("gone", str(status))
    return Unread("unavailable", str(status))


def _seconds(header: str | None) -> float:
    """The length that a Retry-After names; 0.0 where it is missing or is no length."""
    try:
        length = float(header or 0.0)
    except ValueError:
        return 0.0
    return length if 0.0 <= length < float("inf") else 0.0


def _url(address: str, base: URL | None = None) -> URL | None:
    """An address with a host; None for anything else."""
    try:
        found = URL(address, encoded=True) if base is None else base.join(URL(address, encoded=True))
    except ValueError:
        return None
    return found if found.host and found.scheme in ("http", "https") and not found.user else None


_UNNAMED: Final = re.compile(r'[\x00-\x1f\x7f"\\/:*?<>|]+')


def _name(name: str) -> str:
    """A name that stands in a header and on a disk."""
    return _UNNAMED.sub("_", name).strip(" .")[-100:] or "file"
