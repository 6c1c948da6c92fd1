"""/healthz, /readyz, /metrics. Law: healthy means that this process can still think; ready, that people are being heard.

An orchestrator restarts what is not healthy and merely waits for what is not ready: a platform's outage must never
get the bot restarted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from bot.ports import Health
from bot.service.metrics import CONTENT_TYPE


class HealthServer:
    """Three small pages on a port of their own.

    `ask` is called at each /readyz: the platforms' health by name, and whether the bot is draining. `metrics` at each
    /metrics: the page.
    """

    def __init__(
        self,
        host: str,
        port: int,
        ask: Callable[[], tuple[Mapping[str, Health], bool]],
        metrics: Callable[[], bytes],
    ) -> None:
        self._ask = ask
        self._page = metrics
        self._host, self._port = host, port
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        # Whoever probes at this moment must not hold up the process's end (aiohttp would wait a minute).
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)

    async def start(self) -> int:
        """Listen; the port that it became. Raises OSError where it is taken."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._page(), headers={"Content-Type": CONTENT_TYPE})

    async def _readyz(self, _request: web.Request) -> web.Response:
        platforms, draining = self._ask()
        ready = bool(platforms) and all(health.ready for health in platforms.values()) and not draining
        told: dict[str, Any] = {
            "status": "draining" if draining else "ready" if ready else "not ready",
            "platforms": {
                name: {"ready": health.ready, "notes": list(health.notes)}
                for name, health in platforms.items()
            },
        }
        return web.json_response(told, status=200 if ready else 503)
