"""One HTTP call to Discord, one attempt, one `Answer`. Law: it never waits, never repeats and never raises for what happened.

Why not discord.py's own HTTP client: the call that empties a bucket does not return until the bucket is whole again
(`Ratelimit.__aexit__` sleeps in the caller), and after a 429 it sleeps and sends the same body once more, which by
then is stale text (`HTTPClient.request`). Both are against the laws of the house: only the newest text is ever sent,
and only the pacer waits. So every call that carries text, and every call in a hurry, is made here.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import discord

from bot.ports import File

_log = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 10.0
"""A TCP and TLS handshake that takes longer is a network at fault, not a slow answer."""

CEILING_SECONDS: Final = 60.0
"""No call lives longer, whatever its caller says: aiohttp's own default is five minutes."""

USER_AGENT: Final = f"DiscordBot (https://github.com/Rapptz/discord.py, {discord.__version__}) Inkstream"
"""Discord's edge wants `DiscordBot (url, version)` of the library (reference: User Agent) and refuses others (40333)."""

_MIME: Final = re.compile(r"[\w.+-]+/[\w.+-]+(?:; ?[\w.+-]+=[\w.+-]+)?", re.ASCII)

_NO_HEADERS: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call met.

    status   HTTP status; 0 where no answer came
    headers  case-insensitive
    body     the JSON body; None where there was none, or where it was not JSON
    failure  why there is no (whole) answer: "connect", "timeout", "reset", "cut", "closed"; "" where there is one
    applied  may Discord have applied the call all the same? False: certainly not; None: nobody can tell
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    failure: str = ""
    applied: bool | None = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def code(self) -> int:
        """Discord's own error code; 0 where it gave none."""
        code = self.body.get("code") if isinstance(self.body, dict) else None
        return code if isinstance(code, int) else 0

    @property
    def label(self) -> str:
        """For logs and outcomes: "403/50013", "429", "timeout"."""
        if self.failure:
            return self.failure
        return f"{self.status}/{self.code}" if self.code else str(self.status)


class Rest:
    """Discord's REST API under `api_url`, with the bot's token where a call asks for it."""

    def __init__(self, *, token: str, api_url: str) -> None:
        self._api_url = api_url.rstrip("/")
        self._headers = {"User-Agent": USER_AGENT}
        self._bot = {**self._headers, "Authorization": f"Bot {token}"}
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    def session(self) -> aiohttp.ClientSession | None:
        """The session, made at the first call; None after `close`.

        `limit=0`: how many calls are under way is the pacer's business, and a slow answer in one channel must not
        hold a call to another in the pool's queue.
        """
        if self._session is None and not self._closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=CEILING_SECONDS, sock_connect=CONNECT_SECONDS),
            )
        return self._session

    async def close(self) -> None:
        """Idempotent; whatever is called afterwards is answered with "closed"."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        bot: bool = True,
        files: Sequence[File] = (),
    ) -> Answer:
        """`bot=False` for the webhook of an interaction, whose token stands in the path and is all it needs.

        The path is never logged: it can hold that token. `files` go beside the body, as a form (reference: uploading
        files).
        """
        session = self.session()
        if session is None:
            return Answer(failure="closed", applied=False)
        headers = dict(self._bot if bot else self._headers)
        data: bytes | aiohttp.FormData | None = None
        if body is not None:
            data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
            if files:
                data = _form(data, files)
            else:
                headers["Content-Type"] = "application/json"
        status = 0
        answer_headers: Mapping[str, str] = _NO_HEADERS
        try:
            async with session.request(
                method, self._api_url + path, data=data, headers=headers, allow_redirects=False
            ) as response:
                status, answer_headers = response.status, response.headers
                raw = await response.read()
        except aiohttp.ClientConnectorError:
            return Answer(failure="connect", applied=False)
        except aiohttp.ConnectionTimeoutError:
            return Answer(failure="connect", applied=False)
        except (TimeoutError, aiohttp.ClientError, OSError, RuntimeError) as trouble:
            return _without_answer(trouble, status, answer_headers)
        return Answer(status=status, headers=answer_headers, body=_json(raw))


def _form(body: bytes, files: Sequence[File]) -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", body.decode(), content_type="application/json")
    for index, file in enumerate(files):
        mime = file.mime if _MIME.fullmatch(file.mime) else "application/octet-stream"
        form.add_field(f"files[{index}]", io.BytesIO(file.data), filename=file.name, content_type=mime)
    return form


def _without_answer(trouble: Exception, status: int, headers: Mapping[str, str]) -> Answer:
    if isinstance(trouble, RuntimeError) and not isinstance(trouble, aiohttp.ClientError):
        # "Session is closed": the platform is being closed while a reply still wants to speak.
        return Answer(failure="closed", applied=False)
    if status:
        # The status line came, the body did not. A 2xx has been applied; of a 5xx, which a gateway may say after the
        # call was carried out, nobody knows; anything else has not, whatever it was.
        applied = None if status >= 500 else 200 <= status < 300
        return Answer(status=status, headers=headers, failure="cut", applied=applied)
    if isinstance(trouble, asyncio.TimeoutError):
        return Answer(failure="timeout", applied=None)
    return Answer(failure="reset", applied=None)


def _json(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):  # nested beyond measure
        return None
