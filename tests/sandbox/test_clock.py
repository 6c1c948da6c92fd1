"""sandbox/clock.py: everything in the sandbox is measured on its own time."""

from __future__ import annotations

import pytest

from sandbox.clock import Clock


def test_a_faster_scale_makes_waits_shorter_for_real_clients() -> None:
    """A Retry-After of 60 sandbox seconds is one real second at a scale of 60."""
    assert Clock(scale=60.0).real(60.0) == pytest.approx(1.0)


def test_rescaling_never_turns_the_clock_back() -> None:
    """Time goes on from where it was, at whatever speed."""
    clock = Clock(scale=1_000.0)
    seen = [clock.now()]
    for scale in (0.001, 500.0, 1.0):
        clock.rescale(scale)
        seen.append(clock.now())
    assert seen == sorted(seen)
    assert seen[-1] - seen[0] < 100.0


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_a_scale_that_stops_time_is_refused(scale: float) -> None:
    """Misuse answers with a sentence."""
    with pytest.raises(ValueError, match="positive"):
        Clock(scale=scale)
    with pytest.raises(ValueError, match="positive"):
        Clock().rescale(scale)


def test_a_duration_set_beforehand_outlives_its_declaration() -> None:
    """A test sets a length before the server that declares it exists."""
    clock = Clock(durations={"slack.stream_seal": 2.0})
    clock.declare("slack.stream_seal", 300.0)
    clock.declare("slack.ack", 3.0)
    assert clock.durations == {"slack.stream_seal": 2.0, "slack.ack": 3.0}


def test_a_misspelt_duration_is_noticed() -> None:
    """Setting what nobody declared would change nothing, silently."""
    clock = Clock()
    clock.declare("slack.ack", 3.0)
    with pytest.raises(KeyError, match=r"slack\.ack"):
        clock.set_duration("slack.akc", 1.0)


async def test_a_sandbox_minute_passes_in_a_moment() -> None:
    """Sleeping is measured in sandbox seconds."""
    clock = Clock(scale=6_000.0)
    before = clock.now()
    await clock.sleep(60.0)
    assert clock.now() - before >= 60.0
