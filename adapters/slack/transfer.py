"""Files, in and out. Law: the bot's token and its bytes go to Slack alone, and no address is logged.

Slack's own addresses are those of slack.com and of the configured server. A download's redirects are followed by hand,
because a client that follows them by itself either takes the token along or loses it. Without the scope files:read, or
where somebody may not see a file, Slack answers 200 with a page that asks to sign in.

What passes (a 429, a server's fault, a lost connection) is tried again a few times: nobody else does it, and what is
told of it would be wrong. The one step that shows something is not repeated before it was looked whether it is there.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.blocks import inert
from adapters.slack.outcomes import REFUSED, UNSURE, Failure, failure, outcome, seconds
from adapters.slack.payloads import part, text
from adapters.slack.web import ask
from bot.ports import Attachment, Denied, File, Outcome, Place, Ref, Rejected, Sent, Unread

log = logging.getLogger(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=120, sock_connect=10, sock_read=30)
"""A file may take longer than a call; what no byte comes of in half a minute has stopped."""
ASK_SECONDS = 15.0
REDIRECTS = 5
PIECE = 64 * 1024
LONGEST_COMMENT = 3_000
TRIES = 4
AGAIN_SECONDS = 20.0
"""No try begins later than this after the first one: somebody waits for the answer that needs the file."""

_GONE = frozenset({"file_not_found", "file_deleted"})
_DENIED = frozenset(
    {
        "access_denied",
        "file_uploads_disabled",
        "file_uploads_except_images_disabled",
        "posting_to_channel_denied",
        "restricted_action",
        "storage_limit_reached",
        "uploads_disabled",
    }
)
_REJECTED = frozenset(
    {"blocked_file_type", "file_update_failed", "file_upload_size_restricted", "malware_detected"}
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HTML = ("text/html", "application/xhtml")


@dataclass(frozen=True, slots=True)
class _Moved:
    to: str


@dataclass(frozen=True, slots=True)
class _Later:
    """It may be had if it is asked for again."""

    unread: Unread
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class _Unbrought:
    """The bytes did not get to Slack; `failed` where that may pass."""

    outcome: Outcome
    failed: Failure | None = None


class _Tries:
    """A few, each after twice the wait of the one before, or after what the server asks for."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._left = TRIES
        self._until = asyncio.get_running_loop().time() + AGAIN_SECONDS

    async def again(self, asked: float | None = None) -> bool:
        """Wait for the next one. False: there is none."""
        self._left -= 1
        wait = max(self._pause * random.uniform(0.8, 1.2), asked or 0.0)  # noqa: S311 - jitter
        self._pause *= 2.0
        if self._left <= 0 or asyncio.get_running_loop().time() + wait > self._until:
            return False
        await asyncio.sleep(wait)
        return True


class Transfer:
    """`api_url` is the configured server's."""

    def __init__(self, client: AsyncWebClient, session: aiohttp.ClientSession, api_url: str) -> None:
        self.first_pause = 0.5  # seconds before the second try; doubled with each
        self._client = client
        self._session = session
        self._home = _origin(api_url)

    def is_slacks(self, url: str) -> bool:
        """Whether the token may be shown there."""
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").rstrip(".")
            at_home = bool(self._home) and _origin(url) == self._home
            plain = parts.username is None and parts.port in (None, 443)
        except ValueError:
            return False
        return at_home or (
            parts.scheme == "https" and plain and (host == "slack.com" or host.endswith(".slack.com"))
        )

    # ------------------------------------------------------------------------------------------------------ in

    async def download(self, attachment: Attachment, limit: int) -> File | Unread:
        """A file that Slack Connect only names is looked up first."""
        if attachment.size > limit:
            return Unread("too_large")
        tries = _Tries(self.first_pause)
        while isinstance(found := await self._had(attachment, limit), _Later):
            if not await tries.again(found.retry_after):
                return found.unread
            log.info("a file is fetched again", extra={"code": found.unread.code})
        return found

    async def _had(self, attachment: Attachment, limit: int) -> File | Unread | _Later:
        """One attempt."""
        if attachment.url:
            return await self._fetch(attachment, limit)
        answer = await ask(self._client.files_info(file=attachment.id), within=ASK_SECONDS)
        if isinstance(answer, Failure):
            return _Later(_unread(answer), answer.retry_after) if _passes(answer) else _unread(answer)
        told = part(answer, "file")
        size = told.get("size")
        known = size if isinstance(size, int) and not isinstance(size, bool) else attachment.size
        url = text(told, "url_private_download") or text(told, "url_private")
        if text(told, "mode") == "tombstone":
            return Unread("gone", "tombstone")
        if not url:
            return Unread("denied", text(told, "file_access") or "no_url")
        if known > limit:
            return Unread("too_large")
        found = Attachment(
            attachment.id,
            text(told, "name") or attachment.name,
            text(told, "mimetype") or attachment.mime,
            known,
            url,
        )
        return await self._fetch(found, limit)

    async def _fetch(self, attachment: Attachment, limit: int) -> File | Unread | _Later:
        url = attachment.url
        for _ in range(REDIRECTS + 1):
            if not self.is_slacks(url):
                return Unread("foreign")
            try:
                found = await self._get(url, attachment, limit)
            except ValueError as error:  # an address that is none
                return Unread("unavailable", failure(error).code)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                return _Later(Unread("unavailable", failure(error).code))
            if not isinstance(found, _Moved):
                return found
            url = found.to
        return Unread("unavailable", "too_many_redirects")

    async def _get(self, url: str, attachment: Attachment, limit: int) -> File | Unread | _Later | _Moved:
        headers = {"Authorization": f"Bearer {self._client.token}", "Accept-Encoding": "identity"}
        async with self._session.get(
            url, headers=headers, allow_redirects=False, timeout=TIMEOUT
        ) as response:
            if response.status in _REDIRECTS:
                return _Moved(urljoin(url, response.headers.get("Location", "")))
            if response.status != 200:
                refused = _refused(response.status)
                if not _is_passing(response.status):
                    return refused
                return _Later(refused, seconds(response.headers.get("Retry-After")))
            if response.content_length is not None and response.content_length > limit:
                return Unread("too_large")
            pieces: list[bytes] = []
            length = 0
            async for piece in response.content.iter_chunked(PIECE):
                length += len(piece)
                if length > limit:
                    return Unread("too_large")
                pieces.append(piece)
            if _is_login(response, attachment, length):
                return Unread("denied", "login_page")
            mime = attachment.mime or response.content_type
        return File(attachment.name, mime, b"".join(pieces))

    # ------------------------------------------------------------------------------------------------------ out

    async def upload(self, place: Place, file: File, words: str) -> Outcome:
        """In three steps, as files_upload_v2 does it, but for looking at the address before the bytes go there.

        Slack posts the message a moment later and does not say which one: the file's id stands for it in `Sent`.
        """
        tries = _Tries(self.first_pause)
        while isinstance(brought := await self._bring(place, file), _Unbrought):
            if brought.failed is None or not await tries.again(brought.failed.retry_after):
                return brought.outcome
            log.info("a file is uploaded again", extra={"code": brought.failed.code})
        return await self._show(place, brought, file.name, words)

    async def _bring(self, place: Place, file: File) -> str | _Unbrought:
        """The bytes to Slack, where nobody sees them yet; returns the file's id. One attempt."""
        reserved = await ask(
            self._client.files_getUploadURLExternal(filename=file.name, length=len(file.data)),
            within=ASK_SECONDS,
        )
        if isinstance(reserved, Failure):
            said = _outcome(reserved, place, "files.getUploadURLExternal")
            return _Unbrought(said, reserved if _passes(reserved) else None)
        url, file_id = text(reserved, "upload_url"), text(reserved, "file_id")
        if not file_id or not self.is_slacks(url):
            log.error("an upload was to go elsewhere than to Slack", extra={"file": file_id})
            return _Unbrought(Denied("foreign_upload_url"))
        failed = await self._send(url, file)
        if failed is None:
            return file_id
        said = outcome(failed, bucket=f"{place.workspace}:upload")
        return _Unbrought(said, failed if _passes(failed) else None)

    async def _show(self, place: Place, file_id: str, name: str, words: str) -> Outcome:
        """The last step, after which the file stands in the place."""
        tries = _Tries(self.first_pause)
        shown = Sent(Ref(place.channel, file_id))
        unsure = False
        while True:
            done = await ask(
                self._client.files_completeUploadExternal(
                    files=[{"id": file_id, "title": name}],
                    channel_id=place.channel,
                    thread_ts=place.thread or None,
                    initial_comment=inert(words)[:LONGEST_COMMENT] or None,
                ),
                within=ASK_SECONDS,
            )
            if not isinstance(done, Failure):
                return shown
            # An upload can be completed once: where an answer was lost, this says that it was.
            if unsure and done.code in _GONE and await self._is_there(file_id, place) is not False:
                return shown
            if _passes(done) and done.applied is not False and done.status != 429:
                unsure = True
                if await self._appears(file_id, place):
                    return shown
            if not _passes(done) or not await tries.again(done.retry_after):
                return _outcome(done, place, "files.completeUploadExternal")
            log.info("an upload is completed again", extra={"code": done.code})

    async def _appears(self, file_id: str, place: Place) -> bool:
        """Slack posts a file a moment after it was told to."""
        pause = self.first_pause
        for _ in range(TRIES - 1):
            if await self._is_there(file_id, place):
                return True
            await asyncio.sleep(pause)
            pause *= 2.0
        return bool(await self._is_there(file_id, place))

    async def _is_there(self, file_id: str, place: Place) -> bool | None:
        """Whether the file stands in the place, by what Slack tells of it; False: there is no such file."""
        answer = await ask(self._client.files_info(file=file_id), within=ASK_SECONDS)
        if isinstance(answer, Failure):
            return False if answer.code in _GONE else None
        return True if place.channel in _shared(part(answer, "file")) else None

    async def _send(self, url: str, file: File) -> Failure | None:
        """The bytes. The address carries its own permission: the token is not sent to it."""
        try:
            async with self._session.post(
                url,
                data=file.data,
                headers={"Content-Type": "application/octet-stream"},
                allow_redirects=False,
                timeout=TIMEOUT,
            ) as response:
                if response.status == 200:
                    return None
                retry = seconds(response.headers.get("Retry-After"))
                return Failure(response.status, f"http_{response.status}", retry, applied=False)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            # Nothing is shown before the last step.
            return Failure(0, failure(error).code, applied=False)


def _is_passing(status: int) -> bool:
    return status in (408, 429) or status >= 500


def _passes(failed: Failure) -> bool:
    """Whether the same call may succeed a little later."""
    return failed.status == 0 or _is_passing(failed.status) or failed.code in REFUSED | UNSURE


def _shared(file: Mapping[str, Any]) -> set[str]:
    """The channels that a file stands in."""
    found: set[str] = set()
    for kind in ("channels", "groups", "ims"):
        listed = file.get(kind)
        found |= {one for one in listed if isinstance(one, str)} if isinstance(listed, list) else set()
    shares = part(file, "shares")
    for kind in ("public", "private"):
        found |= set(part(shares, kind))
    return found


def _outcome(failed: Failure, place: Place, method: str) -> Outcome:
    if failed.code in _DENIED:
        return Denied(failed.code)
    if failed.code in _REJECTED:
        return Rejected(failed.code)
    return outcome(failed, bucket=f"{place.workspace}:{method}")


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    return parts.scheme, (parts.hostname or "").rstrip("."), port


def _is_login(response: aiohttp.ClientResponse, attachment: Attachment, length: int) -> bool:
    """A page where a file was wanted. A file that is a page itself has the length that Slack told, or is an attachment."""
    if not response.content_type.startswith(_HTML):
        return False
    if not attachment.mime.startswith(_HTML):
        return True
    disposition = response.headers.get("Content-Disposition", "")
    return length != attachment.size and not disposition.lower().startswith("attachment")


def _refused(status: int) -> Unread:
    code = f"http_{status}"
    if status in (401, 403):
        return Unread("denied", code)
    return Unread("gone" if status in (404, 410) else "unavailable", code)


def _unread(failed: Failure) -> Unread:
    if failed.code in _GONE:
        return Unread("gone", failed.code)
    said_no = isinstance(outcome(failed, bucket=""), Denied) or failed.code in _DENIED
    return Unread("denied" if said_no else "unavailable", failed.code)
