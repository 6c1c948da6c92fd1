"""The organization's rate limits, and the headers that tell of them. Law: requests are enforced, tokens are told.

Headers speak to a real client: their times are real ones, whatever the scale of the sandbox's clock.
"""

from __future__ import annotations

import math
from collections import deque
from datetime import UTC, datetime, timedelta

from sandbox.claude.validation import Refusal
from sandbox.clock import Clock
from sandbox.limits import Limit, Limits

_NAME, _SCOPE = "claude.requests", "organization"


class Budgets:
    """Requests a minute, by a limit that control calls can change; tokens of the last minute."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock, self._limits = clock, limits
        self.input, self.output = Minute(clock, 2_000_000), Minute(clock, 400_000)
        limits.declare(
            Limit(
                _NAME,
                rate=1000 / 60,
                burst=1000,
                shape="bucket",
                certainty="guessed",
                source="requests a minute differ by tier; token bucket, as the provider's page on rate limits says",
            )
        )

    def take(self) -> None:
        """Spend one request. Raises Refusal (429) where none is left."""
        verdict = self._limits.take(_NAME, _SCOPE, self._clock.now())
        if not verdict.allowed:
            raise Refusal(429, retry_after=verdict.retry_after)

    def headers(self, request_id: str) -> dict[str, str]:
        gate = self._limits.gate(_NAME, _SCOPE)
        look = gate.look(self._clock.now())
        headers = {
            "request-id": request_id,
            "anthropic-organization-id": "5a4d0000-0000-4000-8000-00000000b0c5",
        }
        rows = [
            ("requests", gate.limit.burst, look.remaining, look.reset_after),
            ("input-tokens", self.input.limit, self.input.remaining, self.input.reset_after),
            ("output-tokens", self.output.limit, self.output.remaining, self.output.reset_after),
            (
                "tokens",
                self.input.limit + self.output.limit,
                self.input.remaining + self.output.remaining,
                max(self.input.reset_after, self.output.reset_after),
            ),
        ]
        for name, limit, remaining, reset_after in rows:
            reset = datetime.now(UTC) + timedelta(seconds=self._clock.real(reset_after))
            headers[f"anthropic-ratelimit-{name}-limit"] = str(limit)
            headers[f"anthropic-ratelimit-{name}-remaining"] = str(remaining)
            headers[f"anthropic-ratelimit-{name}-reset"] = reset.strftime("%Y-%m-%dT%H:%M:%SZ")
        return headers

    def refusal_headers(self, refusal: Refusal, request_id: str) -> dict[str, str]:
        headers = self.headers(request_id)
        # The API says itself what is worth another try.
        again = refusal.status in (408, 409, 429) or refusal.status >= 500
        headers["x-should-retry"] = "true" if again else "false"
        if refusal.retry_after is not None:
            headers["retry-after"] = str(math.ceil(self._clock.real(refusal.retry_after)))
        return headers


class Minute:
    """Tokens of the last sandbox minute, for the rate-limit headers. They are told, not enforced."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self.limit = limit
        self._spent: deque[tuple[float, int]] = deque()

    def spend(self, count: int) -> None:
        self._spent.append((self._clock.now(), count))

    @property
    def remaining(self) -> int:
        horizon = self._clock.now() - 60.0
        while self._spent and self._spent[0][0] < horizon:
            self._spent.popleft()
        return max(0, self.limit - sum(count for _, count in self._spent))

    @property
    def reset_after(self) -> float:
        """Sandbox seconds until all of it is back."""
        return max(0.0, self._spent[-1][0] + 60.0 - self._clock.now()) if self.remaining < self.limit else 0.0
