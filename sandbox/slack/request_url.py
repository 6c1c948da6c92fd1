"""The Events API over HTTP: signed requests to the bot's own address. Law: every request carries Slack's signature.

Signature: `v0=` + hex HMAC-SHA256 of `v0:{timestamp}:{body}` (docs.slack.dev/authentication/verifying-requests).
Timestamps are the wall clock's, since that is what the bot compares them with.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from typing import Any
from urllib.parse import urlencode

import aiohttp

from sandbox.slack.delivery import VERIFICATION, Acked, Missed, Route
from sandbox.slack.workspace import Workspace


class RequestUrl:
    """The road to a bot that listens on HTTP."""

    def __init__(self, workspace: Workspace, signing_secret: str) -> None:
        self._workspace = workspace
        self._clock = workspace.clock
        self.signing_secret = signing_secret
        self.url = ""
        self._session: aiohttp.ClientSession | None = None

    async def verify(self, url: str) -> None:
        """Set the address after the url_verification handshake. Raises ConnectionError with what went wrong."""
        challenge = secrets.token_hex(16)
        said = {"type": "url_verification", "token": VERIFICATION, "challenge": challenge}
        outcome = await self._post(url, json.dumps(said).encode(), "application/json", {})
        if isinstance(outcome, Missed):
            raise ConnectionError(f"{url} did not answer the url_verification: {outcome.reason}")
        answer = outcome.payload
        if (answer.get("challenge") if isinstance(answer, dict) else answer) != challenge:
            raise ConnectionError(f"{url} did not return the challenge")
        self.url = url

    async def carry(
        self, route: Route, payload: dict[str, Any], *, attempt: int, reason: str
    ) -> Acked | Missed:
        headers = {}
        if attempt:
            headers = {
                "x-slack-retry-num": str(attempt),
                "x-slack-retry-reason": _RETRY_REASONS.get(reason, reason),
            }
        if route == "events_api":
            return await self._post(self.url, json.dumps(payload).encode(), "application/json", headers)
        form = payload if route == "slash_commands" else {"payload": json.dumps(payload)}
        return await self._post(
            self.url, urlencode(form).encode(), "application/x-www-form-urlencoded", headers
        )

    def signed(self, body: bytes) -> dict[str, str]:
        """The two headers that prove a request."""
        now = str(int(time.time()))
        mark = hmac.new(
            self.signing_secret.encode(), f"v0:{now}:".encode() + body, hashlib.sha256
        ).hexdigest()
        return {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": f"v0={mark}"}

    async def _post(self, url: str, body: bytes, kind: str, headers: dict[str, str]) -> Acked | Missed:
        timeout = aiohttp.ClientTimeout(total=self._clock.real(self._clock.duration("slack.ack")))
        every = {
            "Content-Type": kind,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            **self.signed(body),
            **headers,
        }
        session = self._opened()
        try:
            async with session.post(
                url, data=body, headers=every, timeout=timeout, max_redirects=2
            ) as response:
                answer = await response.text(errors="replace")
                final = response.headers.get("X-Slack-No-Retry") == "1"
                if not 200 <= response.status < 300:
                    return Missed("http_error", final)
                return Acked(_said(answer, response.content_type))
        except TimeoutError:
            return Missed("http_timeout")
        except aiohttp.TooManyRedirects:
            return Missed("too_many_redirects")
        except aiohttp.ClientError:
            return Missed("connection_failed")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


# What the socket's road calls a timeout is http_timeout here (the road may change between two attempts).
_RETRY_REASONS = {"timeout": "http_timeout"}


def _said(answer: str, kind: str) -> Any:
    if not answer.strip():
        return None
    if kind == "application/json":
        try:
            return json.loads(answer)
        except ValueError:
            return answer
    return answer
