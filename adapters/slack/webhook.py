"""Events over signed HTTP, for those who cannot or may not use Socket Mode. Law: an unsigned request is not read.

Slack waits 3 s for a 2xx answer and sends the rest again; x-slack-retry-num is no reason to drop anything, since
the first delivery may have been the one that got lost. The inbox knows repeated messages by their key.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier

from adapters.slack.listeners import dispatch

log = logging.getLogger(__name__)

PATH = "/slack/events"
LARGEST_BODY = 4 * 2**20


class Webhook:
    """One POST address for events, commands and buttons. `port` is the bound one (0 asks for any)."""

    def __init__(self, app: AsyncApp, signing_secret: str, host: str, port: int) -> None:
        self._app = app
        self._verifier = SignatureVerifier(signing_secret)
        self._host = host
        self._runner: web.AppRunner | None = None
        self.port = port

    @property
    def up(self) -> bool:
        return self._runner is not None

    async def open(self) -> None:
        """Raises OSError where the port is taken."""
        application = web.Application(client_max_size=LARGEST_BODY)
        application.router.add_post(PATH, self._receive)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, self._host, self.port)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = runner.addresses[0][1]

    async def close(self) -> None:
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        raw = await request.read()
        try:
            text = raw.decode()
            signed = self._signed(text, request.headers)
        except ValueError:
            signed, text = False, ""
        if not signed:
            log.warning("a request without a valid signature was turned away", extra={"length": len(raw)})
            return web.json_response({"error": "invalid request"}, status=401)
        try:
            bolt_request = AsyncBoltRequest(
                body=text, query=request.query_string, headers=dict(request.headers.items())
            )
        except (ValueError, AttributeError, TypeError) as error:
            # Signed, and yet not a JSON object: Bolt's parser says so in one of these ways.
            log.warning("a body that is no payload was turned away", extra={"error": type(error).__name__})
            return web.json_response({"error": "not a payload"}, status=400)
        return await to_aiohttp_response(await dispatch(self._app, bolt_request))

    def _signed(self, body: str, headers: Mapping[str, str]) -> bool:
        return self._verifier.is_valid(
            body, headers.get("X-Slack-Request-Timestamp", "0"), headers.get("X-Slack-Signature", "")
        )
