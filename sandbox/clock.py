"""Sandbox time. Law: every limit, expiry, retry and typing speed of the sandbox is measured on this clock only.

A scale of 60 lets a sandbox minute pass in a real second, so that a 15-minute token is tested in 15 seconds; a
single duration can be set as well ("slack.stream_seal" to 2 s).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

_SLICE = 0.25


class Clock:
    """Seconds since the sandbox began, at `scale` sandbox seconds per real second.

    `durations` are named lengths in sandbox seconds, such as `{"discord.interaction_token": 900.0}`.
    """

    def __init__(self, scale: float = 1.0, durations: Mapping[str, float] | None = None) -> None:
        if scale <= 0:
            raise ValueError(f"the scale of time is positive, not {scale}")
        self._scale = scale
        self._base_real = time.monotonic()
        self._base = 0.0
        self._durations = dict(durations or {})

    @property
    def scale(self) -> float:
        return self._scale

    def now(self) -> float:
        """Sandbox seconds since the beginning; never goes back, also when the scale changes."""
        return self._base + (time.monotonic() - self._base_real) * self._scale

    def rescale(self, scale: float) -> None:
        if scale <= 0:
            raise ValueError(f"the scale of time is positive, not {scale}")
        self._base, self._base_real = self.now(), time.monotonic()
        self._scale = scale

    def real(self, seconds: float) -> float:
        """How many real seconds a sandbox length takes: what a Retry-After header must say to a real client."""
        return seconds / self._scale

    async def sleep(self, seconds: float) -> None:
        """Sleep a sandbox length; a change of the scale meanwhile is felt within `_SLICE` real seconds."""
        until = self.now() + seconds
        while (left := self.real(until - self.now())) > 0:  # noqa: ASYNC110 - time itself is waited for
            await asyncio.sleep(min(left, _SLICE))

    def declare(self, name: str, seconds: float) -> None:
        """Give a named duration its default; a value set earlier stays."""
        self._durations.setdefault(name, seconds)

    def duration(self, name: str) -> float:
        return self._durations[name]

    def set_duration(self, name: str, seconds: float) -> None:
        """Raises KeyError for a name that nobody declared, so that a misspelling is noticed."""
        if name not in self._durations:
            raise KeyError(f"no duration is called {name!r}; there are {', '.join(sorted(self._durations))}")
        self._durations[name] = seconds

    @property
    def durations(self) -> Mapping[str, float]:
        return dict(self._durations)
