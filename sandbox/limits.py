"""The platforms' budgets. Law: a limit says where its figure comes from and how sure that is.

The platforms do not publish the shape of their counters, so each limit can be given any of four, at the same
long-run rate:

    bucket    `burst` tokens, refilled continuously at `rate` per second
    single    the same with one token: a call every 1/rate seconds
    sliding   at most `burst` calls in any stretch of burst/rate seconds
    fixed     at most `burst` calls in each window of burst/rate seconds; a window opens at its first call
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Shape: TypeAlias = Literal["bucket", "single", "sliding", "fixed"]
Certainty: TypeAlias = Literal["documented", "observed", "guessed"]


@dataclass(frozen=True, slots=True)
class Limit:
    """`rate` calls per second in the long run, `burst` at once."""

    name: str
    rate: float
    burst: int
    shape: Shape
    certainty: Certainty
    source: str

    @property
    def window(self) -> float:
        """Seconds in which an emptied budget is whole again."""
        return self.burst / self.rate


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one call met. Lengths in sandbox seconds."""

    allowed: bool
    remaining: int
    reset_after: float  # until the budget is whole again
    retry_after: float  # until one call will be allowed; 0.0 where this one was


class Gate:
    """One counter of one limit: for example chat.update in workspace T1."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.refusals = 0
        self.calls = 0
        self._tokens = float(self._size)
        self._at = 0.0
        self._stamps: deque[float] = deque()

    @property
    def _size(self) -> int:
        return 1 if self.limit.shape == "single" else self.limit.burst

    def take(self, now: float) -> Verdict:
        """Spend one call, or say how long to wait. A refused call spends nothing."""
        verdict = self._look(now, spend=True)
        self.calls += verdict.allowed
        self.refusals += not verdict.allowed
        return verdict

    def look(self, now: float) -> Verdict:
        """What a call would meet, spending nothing."""
        return self._look(now, spend=False)

    def _look(self, now: float, *, spend: bool) -> Verdict:
        if self.limit.shape in ("bucket", "single"):
            return self._bucket(now, spend=spend)
        return self._window(now, spend=spend)

    def _bucket(self, now: float, *, spend: bool) -> Verdict:
        rate, size = self.limit.rate, self._size
        tokens = min(float(size), self._tokens + max(0.0, now - self._at) * rate)
        # A hair of tolerance: a client that waits exactly 1/rate is not refused for a rounding error.
        allowed = tokens >= 1.0 - 1e-9
        left = max(0.0, tokens - 1.0) if allowed and spend else tokens
        if spend:
            self._tokens, self._at = left, now
        return Verdict(
            allowed=allowed,
            remaining=int(left + 1e-9),
            reset_after=(size - left) / rate,
            retry_after=0.0 if allowed else (1.0 - tokens) / rate,
        )

    def _window(self, now: float, *, spend: bool) -> Verdict:
        size, window, stamps = self.limit.burst, self.limit.window, self._stamps
        if self.limit.shape == "fixed":
            if stamps and now - stamps[0] >= window - 1e-9:
                stamps.clear()
        else:
            while stamps and now - stamps[0] >= window - 1e-9:
                stamps.popleft()
        allowed = len(stamps) < size
        if allowed and spend:
            stamps.append(now)
        if not stamps:
            return Verdict(allowed=allowed, remaining=size, reset_after=0.0, retry_after=0.0)
        opened = stamps[0]
        return Verdict(
            allowed=allowed,
            remaining=size - len(stamps),
            reset_after=(opened if self.limit.shape == "fixed" else stamps[-1]) + window - now,
            retry_after=0.0 if allowed else max(0.0, opened + window - now),
        )


class Limits:
    """All limits by name, and one gate for each (name, scope) that was ever called."""

    def __init__(self) -> None:
        self._limits: dict[str, Limit] = {}
        self._gates: dict[tuple[str, str], Gate] = {}
        self.enforced = True

    def declare(self, limit: Limit) -> None:
        self._limits.setdefault(limit.name, limit)

    def change(
        self, name: str, *, rate: float | None = None, burst: int | None = None, shape: Shape | None = None
    ) -> Limit:
        """Give a limit another figure or shape; its gates start anew. Raises KeyError for an unknown name."""
        if name not in self._limits:
            raise KeyError(f"no limit is called {name!r}; there are {', '.join(sorted(self._limits))}")
        old = self._limits[name]
        new = replace(
            old,
            rate=old.rate if rate is None else rate,
            burst=old.burst if burst is None else burst,
            shape=old.shape if shape is None else shape,
        )
        if new.rate <= 0 or new.burst < 1:
            raise ValueError(
                f"a limit has a positive rate and a burst of at least 1, not {new.rate} and {new.burst}"
            )
        self._limits[name] = new
        for key in [key for key in self._gates if key[0] == name]:
            del self._gates[key]
        return new

    def gate(self, name: str, scope: str) -> Gate:
        key = (name, scope)
        gate = self._gates.get(key)
        if gate is None:
            gate = self._gates[key] = Gate(self._limits[name])
        return gate

    def take(self, name: str, scope: str, now: float) -> Verdict:
        """Spend one call of the scope's gate. Where limits are not enforced every call is allowed (and counted)."""
        verdict = self.gate(name, scope).take(now)
        if verdict.allowed or self.enforced:
            return verdict
        return replace(verdict, allowed=True, retry_after=0.0)

    def gates(self) -> Iterator[tuple[str, Gate]]:
        """(scope, gate) of every gate that was called, for the panel of budgets."""
        for (_, scope), gate in self._gates.items():
            yield scope, gate

    @property
    def known(self) -> list[Limit]:
        return list(self._limits.values())
