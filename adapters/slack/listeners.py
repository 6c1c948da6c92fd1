"""The Bolt app that hands everything to the inbox. Law: acknowledged first, and everything is: what is not, comes again.

Bolt routes and acknowledges; the listeners only put events into a queue, so that an acknowledgement (3 s, else
Slack sends it all again) waits for nothing. Bolt answers 404 to events without a listener, which Slack takes for a
failure, and its own filter for the bot's messages also drops the news that somebody deleted one: so here is a listener
for everything, and the filter is in `events`.
"""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.inbox import Inbox
from adapters.slack.payloads import Identity
from bot.ports import Check

log = logging.getLogger(__name__)

_ANY = re.compile("")


def bolt(
    inbox: Inbox,
    me: Identity,
    client: AsyncWebClient,
    logger: logging.Logger,
    check: Check | None = None,
) -> AsyncApp:
    """The Bolt app. `client` carries no token: nothing here calls Slack. A form is taken where `check` finds nothing
    wrong in it; otherwise its acknowledgement keeps it open.

    Bolt would ask auth.test at the first event, before its acknowledgement; `authorize` says what we know already.
    """

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=enterprise_id, team_id=team_id or me.team, bot_user_id=me.user, bot_id=me.bot
        )

    app = AsyncApp(
        name="inkstream",
        client=client,
        authorize=authorize,
        logger=logger,
        signing_secret="",
        request_verification_enabled=False,  # see webhook: it answers and logs better
        ignoring_self_events_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )

    async def event(body: dict[str, Any]) -> None:
        inbox.event(body)

    async def command(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        inbox.command(body)

    async def press(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        inbox.press(body)

    async def shortcut(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        inbox.shortcut(body)

    def mistakes(body: dict[str, Any]) -> dict[str, str]:
        if check is None:
            return {}
        try:
            return dict(inbox.mistakes(body, check))
        except Exception as error:  # noqa: BLE001  whatever a check trips over, the form is acknowledged and taken
            log.error("a form could not be checked", extra={"error": type(error).__name__})  # noqa: TRY400  a traceback could quote it
            return {}

    async def submission(ack: AsyncAck, body: dict[str, Any]) -> None:
        if wrong := mistakes(body):
            log.info("a form was given back", extra={"fields": sorted(wrong)})
            await ack(response_action="errors", errors=wrong)
            return
        await ack()
        inbox.submission(body)

    async def nothing(ack: AsyncAck) -> None:
        await ack()

    async def failed(error: Exception) -> None:
        log.error("a payload could not be handled", extra={"error": type(error).__name__})

    app.event(_ANY)(event)
    app.command(_ANY)(command)
    app.action(_ANY)(press)
    app.shortcut(_ANY)(shortcut)
    app.view_submission(_ANY)(submission)
    app.view_closed(_ANY)(nothing)
    app.options(_ANY)(nothing)
    app.error(failed)
    return app


async def dispatch(app: AsyncApp, request: AsyncBoltRequest) -> BoltResponse:
    """Bolt's answer, always a 200: what it has no listener for, or trips over, would be no better sent again."""
    try:
        response = await app.async_dispatch(request)
    except Exception as error:  # noqa: BLE001  Bolt's own error handler trips over `"event": null`, for one
        log.error(  # noqa: TRY400  a traceback could quote the payload
            "a payload could not be handled", extra={"error": type(error).__name__}
        )
        return BoltResponse(status=200)
    if response.status != 200:
        log.warning("a payload found no listener", extra={"status": response.status})
        return BoltResponse(status=200)
    return response


def said(response: BoltResponse) -> object:
    """What an acknowledgement says, for Socket Mode, where it is a payload and no body; None for nothing.

    Over HTTP the body itself goes back.
    """
    kind = next(iter(response.headers.get("content-type", ())), "")
    if not response.body or not kind.startswith("application/json"):
        return None
    return json.loads(response.body)
