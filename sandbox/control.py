"""The control calls over HTTP. Law: JSON in, JSON out, and a mistake is one sentence.

A bot in any language can be tested with them; `GET /control` lists them. Only a client on this machine is served,
and no web page but the sandbox's own.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import ValidationError, validate_call

from sandbox.calls import Call, ControlError, World, all_calls
from sandbox.page.app import is_loopback

MOST_BYTES: Final = 16 * 1024 * 1024  # a queued answer may be long


def control_app(world: World) -> web.Application:
    """The calls, to be mounted under /control."""
    calls = all_calls(world)

    async def index(_: web.Request) -> web.Response:
        return _answer([call.as_json() for call in calls])

    app = web.Application(middlewares=[_own_machine_only, _sentences], client_max_size=MOST_BYTES)
    app.router.add_get("", index)
    app.router.add_get("/", index)
    for call in calls:
        app.router.add_route(call.method, call.path, _serve(call))
    return app


def _serve(call: Call) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    run: Callable[..., Any] | None = None
    parameters = inspect.signature(call.run).parameters
    spread = next((name for name, one in parameters.items() if one.kind is one.VAR_POSITIONAL), None)
    # What stands in front of *values has to be given by position as well.
    leading = (
        [name for name, one in parameters.items() if one.kind is one.POSITIONAL_OR_KEYWORD] if spread else []
    )

    async def serve(request: web.Request) -> web.StreamResponse:
        nonlocal run
        # Building a validator takes milliseconds; with a hundred calls a world would open a second later.
        run = run or validate_call(call.run)
        fields = dict(request.query) if call.method == "GET" else await _fields(request)
        values: list[Any] = []
        if spread is not None:
            more: Any = fields.pop(spread, [])
            if not isinstance(more, list):
                raise ControlError(f"{spread} is a list")
            for name in leading:
                if name not in fields:
                    raise ControlError(f"{name} is missing")
                values.append(fields.pop(name))
            values += more
        result = run(*values, **fields)
        return _answer(await result if inspect.isawaitable(result) else result)

    return serve


async def _fields(request: web.Request) -> dict[str, Any]:
    raw = await request.read()
    if not raw.strip():
        return {}
    try:
        fields = json.loads(raw)
    except (ValueError, RecursionError):
        raise ControlError("the body is not JSON") from None
    if not isinstance(fields, dict):
        raise ControlError("the body is a JSON object whose names are the call's fields")
    return fields


def _answer(result: Any) -> web.Response:
    return web.json_response(
        {"ok": True, "result": result}, dumps=lambda value: json.dumps(value, default=_plain)
    )


def _plain(value: Any) -> Any:
    """What is not JSON by itself: a fault that was made, a mapping that is not a dict."""
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def _refusal(status: int, sentence: str) -> web.Response:
    return web.json_response({"ok": False, "error": sentence}, status=status)


@web.middleware
async def _own_machine_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A web page elsewhere must not steer the sandbox, neither by a name that leads here nor by a form or a script."""
    host = request.headers.get("Host", "")
    if not is_loopback(host):
        return _refusal(403, "The control calls answer on this machine only, as 127.0.0.1 or localhost.")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return _refusal(403, "The control calls are not for other web pages.")
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return _refusal(403, "The control calls are not for other web pages.")
    return await handler(request)


@web.middleware
async def _sentences(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever is wrong with a call comes back as one sentence."""
    try:
        return await handler(request)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return _refusal(400, f"{place}: {first['msg']}")
    except (ValueError, LookupError, PermissionError, ConnectionError, RuntimeError) as error:
        # So the servers refuse: an unknown channel, somebody else's message, a figure that makes no sense.
        words = error.args[0] if error.args else type(error).__name__
        return _refusal(400, str(words))
    except web.HTTPException as error:
        sentence = (
            "There is no such call; GET /control lists them." if error.status in (404, 405) else error.reason
        )
        return _refusal(error.status, sentence)
