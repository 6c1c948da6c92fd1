"""What refusals teach of a limit that no header tells, and when to ask again. Law: few refusals, each of them used.

The first refusal of a full budget tells either how large the burst is or what the rate is, but not which; so from
there the rate climbs to a second one, some ten to forty seconds later. Between two refusals nothing but the rate
decides (`evidence.py`), and then the burst follows from the first. Where another *shape* at the same rate explains
the first refusal (one call at a time, a sliding or a fixed window), the rate is kept and the window is obeyed: no
second refusal comes.

Where only refusals tell anything, a limit that has come back can only be noticed by a call that the learned limit
would refuse: the same calls under both are answered alike until that one. So there is no probe without a refusal
while the limit is still low, and "it is used within five minutes" and "a refusal in ten minutes at most" cannot both
hold at every moment. They hold together on the average of half an hour (`PROBES`): for twelve minutes the count is
left to become exact, then there are three probes five minutes apart, while it is likely that whatever lowered the
limit is over; then one in twelve minutes, for what has been so for long will probably stay. A probe jumps to the
rule's rate at once: if that has come back it is used from that moment; if not, one refusal ends the probe after some
ten calls, the proven rate goes on, and what was counted makes it more exact. The burst is not probed in half an hour,
and then only after a rest, when it must be whole.

A wait of many seconds is no bucket's that we believe in, but a service in trouble or a penalty: it says nothing of the
rate, which is kept as it was. Ten answers that ended meanwhile would stand there for half a minute more otherwise; and
where the limit is smaller after all, the next refusal measures it. Nor is a refusal that comes many seconds after the
last call a bucket's: posts are rare, and a few that were refused for nothing made long answers wait for a minute.

The learned rate never rises over the rule's figure: that much is documented or observed, and more only headers tell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from bot.ports import Rule
from bot.reply.evidence import Evidence, Sluice, part_left

# Seconds from a refusal to the next probe: after the measurement, after the first failed probe, and so on.
PROBES = (745.0, 280.0, 280.0, 720.0)
# A smaller burst, or another shape, is believed for so long.
BURST_AFTER = 1800.0

# After a first refusal that does not say how large the limit is: this share of the rule's rate, rising by this share
# of itself per second. A limit of a third is met again after some 20 s, a half after 40, the whole is back after 46.
_FLOOR = 0.3
_CLIMB = 0.026
# After one that does, from the least that it can be: it is met again within 20 to 40 s.
_CLIMB_KNOWN = 0.02
# After too few calls to measure.
_CLIMB_SLOWLY = 0.0075
_LONG_WAIT = 2.0  # tokens that a Retry-After brings at which it is longer than needed
_ENOUGH = 3  # calls between two refusals, less say too little
# Of the rule's rate: never slower. The rules are documented as the least that is granted; refusals that tell of much
# less are a service in trouble, and what it did once a reply must not leave a channel with a word in half a minute.
_LEAST = 0.2
# Retry-After is rounded to a second, so a measurement over so many seconds may be wrong by one of them. It begins under
# by all of that, and has regained most of it by the next probe.
_DOUBT = 1.0
_DOUBT_MOST = 0.1
_REGAIN = 0.9
# Over so many seconds a measurement is exact enough to be spent from a little under to a little over.
_EXACT = 180.0
_SAVED = 1.5  # tokens that are saved up by that
# Tokens that a learned bucket may save: after each refusal they are saved up anew, while nothing is shown.
_BANKED = 3
# And a window: each call kept back is a place in the window that is not used.
PACED = 2
_SECOND = 1.0  # to which Retry-After is rounded up


class Taught(TypedDict):
    """What survives a restart: plain data."""

    window: NotRequired[list[float]]  # calls, seconds
    probe_in: NotRequired[float]  # seconds from the export
    failed: NotRequired[int]


@dataclass(slots=True)
class _Probe:
    """A stretch at the rule's rate: what was proven before it, its first call, and how many were let through."""

    base: float
    since: float
    calls: int = 0


class Lessons:
    """What was learned of one bucket: its `rate`, its `burst`, and a window over both."""

    __slots__ = (
        "_before",
        "_began",
        "_burst_at",
        "_climb",
        "_climb_at",
        "_failed",
        "_probe",
        "_probe_at",
        "_proven",
        "_rule",
        "_seen",
        "burst",
        "rate",
        "sluice",
    )

    def __init__(self, rule: Rule, now: float) -> None:
        self._rule = rule
        self.rate = rule.rate
        self.burst = rule.burst
        self.sluice: Sluice | None = None
        self._seen = Evidence(now, full=True)
        self._began: tuple[float, float, float] | None = (
            None  # calls, seconds and Retry-After of the first refusal
        )
        self._proven = 0.0  # the rate that was known before the limit came back
        self._before = 0.0  # the rate before a first refusal that did not say how large the limit is
        self._burst_at = math.inf
        self._climb = 0.0  # a share of the rate, per second
        self._climb_at = now
        self._probe: _Probe | None = None
        self._probe_at = math.inf
        self._failed = 0  # probes since this limit was met

    # ------------------------------------------------------------------------------------------------ hearing

    def passed(self, now: float, arrived: float) -> None:
        """A call was let through. `arrived`: when, about; `now`: at the latest."""
        self._seen.call(arrived)
        if self.sluice is not None:
            self.sluice.passed(now)
        probe = self._probe
        if probe is not None:
            if not probe.calls:
                probe.since = now
            probe.calls += 1
            if probe.calls > self._rule.burst + 2 + probe.base * (now - probe.since):
                # More went through than the learned limit can explain: it has come back.
                self._probe, self._proven, self._failed = None, probe.base, 0
                self._seen, self._began = Evidence(now, full=False), None

    def rested(self, now: float) -> None:
        """Nobody has called for long: the budget is whole, whatever its size."""
        self._seen = Evidence(now, full=True)
        if self.rate >= self._rule.rate and now >= self._burst_at:
            self.burst, self.sluice, self._burst_at = self._rule.burst, None, math.inf

    def refused(self, now: float, wait: float, flying: float, slack: float) -> None:
        """A refusal. `flying`: calls under way that may have been counted; `slack`: how late they may be."""
        rule, seen = self._rule, self._seen
        self._before = 0.0
        if not flying and seen.idle(now) > self._longest + slack:
            return  # so long after the last call no bucket that we believe in is empty: it was something else
        probe, self._probe = self._probe, None
        time = max(now - seen.since, 1e-3)
        if seen.refused:
            self.sluice = None
            rate = seen.rate(rule.burst, now, wait, flying=flying, most=rule.rate)
            if rate * seen.wait > _LONG_WAIT:
                # That brought more than the one call, but no more than the burst: which follows from the rate.
                rate = seen.rate(self._burst_at_first(rate), now, wait, flying=flying, most=rule.rate)
            if probe is not None:
                # What went through since the budget was empty came in since then: that much at least is the rate.
                self._failed += 1
                self._settle(now, max(min(probe.base, rate), min(rule.rate, (seen.count - 1) / time)), 0.0)
            elif seen.count >= _ENOUGH:
                self._failed += time >= _EXACT
                self._settle(now, rate, min(_DOUBT_MOST, _DOUBT / time) if time < _EXACT else 0.0)
            else:
                self.rate = max(_LEAST * rule.rate, min(0.9 * self.rate, rate))
                self._climb, self._climb_at = _CLIMB_SLOWLY, now
        elif probe is not None:
            self._failed += 1
            self._settle(now, probe.base, 0.0)
        elif self._probe_at < math.inf:
            # It was measured, and has rested since (or we have): it has become smaller in some way.
            self.rate = max(_LEAST * rule.rate, 0.9 * self.rate)
            self.burst = max(1, self.burst - 1)
            self._climb, self._climb_at = _CLIMB_SLOWLY, now
        else:
            self._first(now, wait, flying, slack)
        self._burst_at = now + BURST_AFTER
        seen.refuse(now, wait)
        self.waits(now + wait)

    def waits(self, until: float) -> None:
        """What was refused is shut until then. No bucket that we believe in is empty for so long: something else was shut
        (a service in trouble, a penalty), which says nothing of the rate. If that is smaller, the next refusal measures it.
        """
        if self._before and until - self._seen.since > self._longest + _SECOND:
            self.rate, self._before, self._climb = self._before, 0.0, 0.0

    @property
    def _longest(self) -> float:
        """Seconds for which a bucket that we believe in can be empty."""
        return 1.0 / (_LEAST * self._rule.rate)

    def _first(self, now: float, wait: float, flying: float, slack: float) -> None:
        rule, seen = self._rule, self._seen
        calls = seen.count + flying
        if self._proven:
            # It had come back, or seemed to: what it was before is the best guess.
            self.rate, self._proven = min(self.rate, self._proven), 0.0
            self._climb, self._climb_at = _CLIMB_KNOWN, now
            return
        self._began = (calls, seen.span(now), wait)
        minute = round(60.0 * rule.rate)
        windows = [(1, 1.0 / rule.rate), (rule.burst, rule.burst / rule.rate)]
        windows += [(minute, 60.0)] if minute > rule.burst else []
        found = seen.window(windows, now, wait, slack) if self.rate >= rule.rate else None
        if found is not None:
            # Then nothing need be given up but the burst.
            self.sluice = Sluice(*found, seen.calls())
            self.burst = min(rule.burst, found[0], PACED)
            return
        if calls >= rule.burst + 3:
            rate = seen.rate(rule.burst, now, wait, flying=flying, most=0.95 * self.rate)
            self.rate = max(0.5 * _FLOOR * rule.rate, rate)
            self.burst = min(rule.burst, _BANKED)
            self._climb = _CLIMB_KNOWN
        else:
            # It came within what we took for the burst: that is not to be trusted, and the rate is unknown. But a
            # bucket that has no call for longer than a second has less than one a second.
            said = 1.0 / (wait - _SECOND) if wait > 2.0 else rule.rate
            self._before = self.rate
            self.rate = min(self.rate, max(_LEAST * rule.rate, min(_FLOOR * rule.rate, said)))
            self.burst = max(1, min(rule.burst, round(calls - rule.rate * seen.span(now))))
            self._climb = _CLIMB
        self._climb_at = now

    def _burst_at_first(self, rate: float) -> int:
        """The burst that a bucket of this rate had when it first refused, if it was full before."""
        if self._began is None:
            return self._rule.burst
        calls, span, wait = self._began
        return max(1, min(self._rule.burst, int(calls + part_left(rate, wait) - rate * span)))

    def _settle(self, now: float, rate: float, doubt: float) -> None:
        """Believe a measurement that may be wrong by a share of `doubt`, until the next probe."""
        rule = self._rule
        rate = max(_LEAST * rule.rate, rate)
        if self._began is not None:
            self.burst = min(_BANKED, self._burst_at_first(rate))
        after = PROBES[min(self._failed, len(PROBES) - 1)]
        under = max(rate * doubt, min(_DOUBT_MOST * rate, _SAVED / after))
        self.rate = max(_LEAST * rule.rate, rate - under)
        # An exact rate is met in the middle; where it will be long to the next probe, it is not exceeded.
        regain = _REGAIN if doubt else 1.5 if self._failed < len(PROBES) - 1 else 0.5
        self._climb, self._climb_at = regain * under / (rate * after), now
        self._probe_at = now + after

    # ------------------------------------------------------------------------------------------------ time

    def stirs(self, now: float) -> bool:
        """Whether `pass_time` would change anything."""
        return self._climb > 0.0 or self._probe_at < now

    def pass_time(self, now: float) -> None:
        """Climb; and after a while try the rule's rate."""
        top = self._rule.rate
        if self._climb and now > self._climb_at:
            self.rate = min(top, self.rate * math.exp(self._climb * (now - self._climb_at)))
        self._climb_at = now
        if self.rate >= top:
            self._climb = 0.0
            self._probe_at = math.inf
        elif now >= self._probe_at:
            self._probe = _Probe(self.rate, now)
            self._climb = 0.0
            self._probe_at = math.inf
            self.rate = top

    # ------------------------------------------------------------------------------------------------ memory

    def export(self, now: float) -> Taught:
        """What a restart should know beside rate and burst."""
        taught = Taught()
        if self.sluice is not None:
            taught["window"] = [self.sluice.size, self.sluice.period]
        if self._probe is not None or self._probe_at < math.inf:
            taught["probe_in"] = 0.0 if self._probe is not None else max(0.0, self._probe_at - now)
            taught["failed"] = self._failed
        return taught

    def restore(
        self, taught: Taught, rate: float, burst: int, left: float, now: float, elapsed: float
    ) -> None:
        """Take up what was exported `elapsed` seconds ago; what old data does not say is begun anew."""
        self.rate, self.burst = min(rate, self._rule.rate), burst
        self._seen = Evidence(now, full=False)
        self._burst_at = now + BURST_AFTER
        window = taught.get("window")
        if window:
            size = max(1, int(window[0]))
            used = max(0, size - int(left))
            self.sluice = Sluice(size, float(window[1]), [now - elapsed] * used)
        if self.rate < self._rule.rate:
            self._failed = max(0, int(taught.get("failed", 0)))
            after = float(taught.get("probe_in", PROBES[0])) - elapsed
            self._probe_at = now + max(_EXACT, min(PROBES[0], after))
