"""The page's routes. Law: only a browser on this machine, and only the page itself, reaches the sandbox.

A site that somebody visits could otherwise talk to the sandbox in their name: by a name that resolves to 127.0.0.1
(the Host is checked for that) or by a WebSocket, which browsers let any site open (the Origin is checked for that).
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.page.files import as_response, read_upload
from sandbox.page.live import HEARTBEAT, MOST_BYTES, Viewer, Viewers
from sandbox.page.servers import PLATFORMS, World
from sandbox.page.view import View

STATIC: Final = Path(__file__).parent / "static"
VIEWERS: Final = web.AppKey("viewers", Viewers)

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' {socket}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page_app(world: World) -> web.Application:
    """The page on `/`, its files under `/static/`, its WebSocket on `/live`; people's files under `/files`."""
    app = web.Application(middlewares=[only_loopback])
    app[VIEWERS] = Viewers(View(world))
    app.router.add_get("/", index)
    app.router.add_get("/live", live)
    app.router.add_post("/files", attach)
    app.router.add_get("/files/{platform}/{channel}/{message}/{file}", shown_file)
    app.router.add_static("/static/", STATIC)
    app.on_response_prepare.append(harden)
    app.on_shutdown.append(close)
    return app


def is_loopback(host: str) -> bool:
    """Whether a Host header (with or without a port) names this machine."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or name.endswith(".localhost") or ip_address(name).is_loopback
    except ValueError:
        return False


def is_own(origin: str, host: str) -> bool:
    """Whether an Origin header names the page that was served under this Host."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc == host


@web.middleware
async def only_loopback(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not is_loopback(request.headers.get("Host", "")):
        raise web.HTTPForbidden(
            text="The sandbox answers on this machine only: open it as http://127.0.0.1.\n"
        )
    return await handler(request)


async def harden(request: web.Request, response: web.StreamResponse) -> None:
    host = request.headers.get("Host", "")
    headers = response.headers
    headers.setdefault(
        "Content-Security-Policy", POLICY.format(socket=f"ws://{host}" if is_loopback(host) else "")
    )
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    # The files change with the repository: a browser asks each time and is answered 304.
    headers.setdefault("Cache-Control", "no-cache")


async def index(_: web.Request) -> web.StreamResponse:
    return web.FileResponse(STATIC / "index.html")


async def live(request: web.Request) -> web.StreamResponse:
    if not is_own(request.headers.get("Origin", ""), request.headers.get("Host", "")):
        raise web.HTTPForbidden(text="The WebSocket is for the sandbox's own page.\n")
    viewers = request.app[VIEWERS]
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=MOST_BYTES, compress=False)
    await socket.prepare(request)
    viewer = Viewer(viewers.view, socket)
    viewers.enter(viewer)
    try:
        await viewer.run()
    finally:
        viewers.leave(viewer)
    return socket


async def attach(request: web.Request) -> web.StreamResponse:
    """Keep a file for the message that will take it; answers with the name to take it by."""
    if not is_own(request.headers.get("Origin", ""), request.headers.get("Host", "")):
        raise web.HTTPForbidden(text="Files come from the sandbox's own page.\n")
    upload = await read_upload(request)
    return web.json_response({"key": request.app[VIEWERS].view.uploads.keep(upload)})


async def shown_file(request: web.Request) -> web.StreamResponse:
    parts = request.match_info
    view = request.app[VIEWERS].view
    for platform in PLATFORMS:
        if platform == parts["platform"]:
            try:
                return as_response(*view.file(platform, parts["channel"], parts["message"], parts["file"]))
            except LookupError as error:
                raise web.HTTPNotFound(text=f"{error}\n") from error
    raise web.HTTPNotFound


async def close(app: web.Application) -> None:
    await app[VIEWERS].close()
