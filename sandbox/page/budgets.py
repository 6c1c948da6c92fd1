"""The limits as rows of the panel. Law: a scope that is no channel may be a token, and never leaves the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.limits import Gate, Limits

MOST_ROWS: Final = 60


def rows(limits: Limits, now: float, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """One row for each gate that was called, the busiest first within its platform. `names`: channel id -> name."""
    found = [
        _row(gate, names.get(scope, ""), now) for scope, gate in limits.gates() if gate.calls or gate.refusals
    ]
    found.sort(key=lambda row: (row["platform"] != "slack", -row["calls"], row["limit"], row["place"]))
    return found[:MOST_ROWS]


def _row(gate: Gate, place: str, now: float) -> dict[str, Any]:
    limit, verdict = gate.limit, gate.look(now)
    size = 1 if limit.shape == "single" else limit.burst
    left = float(verdict.remaining)
    if limit.shape in ("bucket", "single"):
        # The whole of it would be back after size / rate; so much is missing as `reset_after` still takes.
        left = max(0.0, size - verdict.reset_after * limit.rate)
    platform, _, name = limit.name.partition(".")
    return {
        "id": f"{limit.name} {place}",
        "platform": platform,
        "limit": name or limit.name,
        "place": place,
        "left": round(left, 2),
        "size": size,
        "rate": limit.rate,
        "shape": limit.shape,
        "certainty": limit.certainty,
        "source": limit.source,
        "calls": gate.calls,
        "refusals": gate.refusals,
    }
