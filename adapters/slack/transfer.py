"""Files, in and out. Law: the bot's token and its bytes go to Slack alone, and no address is logged.

Slack's own addresses are those of slack.com and of the configured server. A download's redirects are followed by hand,
because a client that follows them by itself either takes the token along or loses it. Without the scope files:read, or
where somebody may not see a file, Slack answers 200 with a page that asks to sign in.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.blocks import inert
from adapters.slack.outcomes import Failure, failure, outcome, seconds
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


class Transfer:
    """`api_url` is the configured server's."""

    def __init__(self, client: AsyncWebClient, session: aiohttp.ClientSession, api_url: str) -> None:
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
        """One attempt. A file that Slack Connect only names is looked up first."""
        if attachment.size > limit:
            return Unread("too_large")
        if attachment.url:
            return await self._fetch(attachment, limit)
        answer = await ask(self._client.files_info(file=attachment.id), within=ASK_SECONDS)
        if isinstance(answer, Failure):
            return _unread(answer)
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

    async def _fetch(self, attachment: Attachment, limit: int) -> File | Unread:
        url = attachment.url
        for _ in range(REDIRECTS + 1):
            if not self.is_slacks(url):
                return Unread("foreign")
            try:
                found = await self._get(url, attachment, limit)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                return Unread("unavailable", failure(error).code)
            if not isinstance(found, _Moved):
                return found
            url = found.to
        return Unread("unavailable", "too_many_redirects")

    async def _get(self, url: str, attachment: Attachment, limit: int) -> File | Unread | _Moved:
        headers = {"Authorization": f"Bearer {self._client.token}", "Accept-Encoding": "identity"}
        async with self._session.get(
            url, headers=headers, allow_redirects=False, timeout=TIMEOUT
        ) as response:
            if response.status in _REDIRECTS:
                return _Moved(urljoin(url, response.headers.get("Location", "")))
            if response.status != 200:
                return _refused(response.status)
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
        reserved = await ask(
            self._client.files_getUploadURLExternal(filename=file.name, length=len(file.data)),
            within=ASK_SECONDS,
        )
        if isinstance(reserved, Failure):
            return _outcome(reserved, place, "files.getUploadURLExternal")
        url, file_id = text(reserved, "upload_url"), text(reserved, "file_id")
        if not file_id or not self.is_slacks(url):
            log.error("an upload was to go elsewhere than to Slack", extra={"file": file_id})
            return Denied("foreign_upload_url")
        failed = await self._send(url, file)
        if failed is not None:
            return outcome(failed, bucket=f"{place.workspace}:upload")
        done = await ask(
            self._client.files_completeUploadExternal(
                files=[{"id": file_id, "title": file.name}],
                channel_id=place.channel,
                thread_ts=place.thread or None,
                initial_comment=inert(words)[:LONGEST_COMMENT] or None,
            ),
            within=ASK_SECONDS,
        )
        if isinstance(done, Failure):
            return _outcome(done, place, "files.completeUploadExternal")
        return Sent(Ref(place.channel, file_id))

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
