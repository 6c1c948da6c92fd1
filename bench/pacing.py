"""The pacing bench: every policy on every load, on virtual time, beside what no policy can beat.

`python -m bench pacing` prints tables; `--json` one object for machines; `--plot FILE` draws the picture of the README.
It is deterministic, and bounds that took long to compute are kept in `bounds.json`, keyed by what they were computed
from: a changed load is computed anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from bench import bounds, learning
from bench.cost import measure
from bench.loads import Load, ending_at_once, main_loads, seeded_loads
from bench.plot import Panel, draw
from bench.policies import POLICIES, run
from bench.simulation import CALL, SETTINGS, Setting, World, percentile

_BOUNDS = Path(__file__).with_name("bounds.json")
_SMALL = 3  # up to so many replies the clairvoyant bound is computed


@dataclass(frozen=True, slots=True)
class Row:
    """One policy on one load, times in seconds. `ratio`: mean lag over `bound`, which includes one call."""

    platform: str
    load: str
    replies: int
    pages: bool
    policy: str
    mean_lag: float
    p95_lag: float
    first_text_p95: float
    last_edit_p50: float
    last_edit_p95: float
    last_edit_max: float
    last_edit_mean: float
    refusals: int
    edits: int
    characters_lost: int
    characters_wrong: int
    bound: float | None
    bound_kind: Literal["fluid", "clairvoyant"] | None
    ratio: float | None
    fluid: float | None
    fluid_ratio: float | None
    longest_unseen_share: float


def row(
    setting: Setting, load: Load, policy: str, world: World, *, pages: bool, clairvoyant: float | None
) -> Row:
    """What viewers saw, measured."""
    lasts, firsts = [max(0.0, last) for last in world.last_edits()], world.first_texts()
    seen = [last for last in lasts if last < float("inf")]
    fluid = None if pages else bounds.fluid(setting, load)
    kind: Literal["fluid", "clairvoyant"] | None = None
    bound = None
    if not pages:
        kind, bound = ("clairvoyant", clairvoyant) if clairvoyant is not None else ("fluid", fluid)
    lag = world.mean_lag
    return Row(
        setting.name,
        load.name,
        load.replies,
        pages,
        policy,
        _round(lag),
        _round(world.lag_percentile(0.95)),
        _round(percentile(firsts, 0.95)),
        _round(percentile(seen, 0.50)),
        _round(percentile(seen, 0.95)),
        _round(seen[-1] if seen else 0.0),
        _round(sum(seen) / max(1, len(seen))),
        len(world.refusals),
        world.edits,
        world.lost,
        len(world.wrong),
        None if bound is None else _round(bound),
        kind,
        None if bound is None else _round(lag / bound),
        None if fluid is None else _round(fluid),
        None if fluid is None else _round(lag / fluid),
        _round(world.longest_share),
    )


def _round(value: float) -> float:
    return round(value, 3)


# ---------------------------------------------------------------------------------------------------- running


def reference_key(setting: Setting, load: Load) -> str:
    """What a clairvoyant reference is stored by: all that it was computed from."""
    text = repr((setting.edit, [speech.fragments for speech in load.speeches], bounds.VERSION))
    return f"{setting.name}/{load.name}/{hashlib.blake2s(text.encode(), digest_size=6).hexdigest()}"


def stored() -> dict[str, bounds.Clairvoyant]:
    """The references that have been computed."""
    if not _BOUNDS.exists():
        return {}
    return {key: bounds.Clairvoyant(**each) for key, each in json.loads(_BOUNDS.read_text()).items()}


def _store(references: dict[str, bounds.Clairvoyant]) -> None:
    lines = [f'"{key}": {json.dumps(asdict(references[key]))}' for key in sorted(references)]
    _BOUNDS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _bounded(load: Load) -> bool:
    return load.replies <= _SMALL


def _case(
    job: tuple[Setting, Load, bool, bounds.Clairvoyant | None],
) -> tuple[list[Row], tuple[str, bounds.Clairvoyant] | None]:
    setting, load, pages, reference = job
    found = None
    if reference is None and _bounded(load) and not pages:
        reference = bounds.clairvoyant(setting, load)
        found = (
            reference_key(setting, load),
            bounds.Clairvoyant(round(reference.bound, 5), round(reference.possible, 5)),
        )
    bound = None if reference is None else reference.bound
    rows = [
        row(setting, load, policy, run(policy, setting, load, pages=pages), pages=pages, clairvoyant=bound)
        for policy in POLICIES
    ]
    return rows, found


def rows(
    settings: Iterable[Setting] = SETTINGS, loads: Sequence[Load] | None = None, *, pages: bool = True
) -> list[Row]:
    """All rows, in order. Bounds that were not stored are computed, and stored."""
    known = stored()
    jobs: list[tuple[Setting, Load, bool, bounds.Clairvoyant | None]] = []
    for setting in settings:
        for load in loads if loads is not None else [*main_loads(), *seeded_loads()]:
            reference = known.get(reference_key(setting, load)) if _bounded(load) else None
            jobs.append((setting, load, False, reference))
            if pages and "case" not in load.name:
                jobs.append((setting, load, True, None))
    found: dict[str, bounds.Clairvoyant] = {}
    collected: list[Row] = []
    workers = min(4, os.cpu_count() or 1)
    with ProcessPoolExecutor(workers) as pool:
        for some, bound in pool.map(_case, jobs, chunksize=4):
            collected.extend(some)
            if bound is not None:
                found[bound[0]] = bound[1]
    if found and loads is None:
        wanted = {reference_key(job[0], job[1]) for job in jobs if _bounded(job[1])}
        _store({key: value for key, value in {**known, **found}.items() if key in wanted})
    return collected


@dataclass(frozen=True, slots=True)
class Endings:
    """20 replies that end at once: mean seconds to whole, ours and first come, first served from a full budget."""

    platform: str
    ours: float
    ours_worst: float
    first_come: float


def endings() -> list[Endings]:
    """Over twelve lengths, so that the budget is met at every phase: of a token's time, or of a window's."""
    found = []
    for setting in SETTINGS:
        means = []
        cycle = setting.edit.window if setting.edit.shape == "fixed" else 1.0 / setting.edit.rate
        for phase in range(12):
            world = run("ours", setting, ending_at_once(seconds=round(40.0 + cycle * phase / 12, 1)))
            lasts = [max(0.0, last) for last in world.last_edits()]
            means.append(sum(lasts) / len(lasts))
        limit = setting.edit
        served = []
        for number in range(20):
            if limit.shape == "fixed":
                at = limit.window * (number // limit.burst)
            else:
                at = max(0.0, (number + 1 - limit.burst) / limit.rate)
            # Two calls at a time.
            served.append(max(at, CALL * (number // 2)) + CALL)
        found.append(
            Endings(
                setting.name,
                _round(sum(means) / len(means)),
                _round(max(means)),
                _round(sum(served) / len(served)),
            )
        )
    return found


# ---------------------------------------------------------------------------------------------------- printing


def report(*, as_json: bool = False, plot: str | None = None) -> None:
    """Run everything and print it."""
    all_rows = rows()
    limits = list(learning.cases())
    ends = endings()
    cost = measure()
    if plot is not None:
        Path(plot).write_text(picture(all_rows))
    if as_json:
        print(
            json.dumps(
                {
                    "bench": "pacing",
                    "cases": [asdict(each) for each in all_rows],
                    "limits": [each.as_json() for each in limits],
                    "ending_at_once": [asdict(each) for each in ends],
                    "cost": cost,
                }
            )
        )
        return
    _print_rows([each for each in all_rows if "case" not in each.load])
    _print_seeded(all_rows)
    print("\n20 replies ending at once: mean seconds until whole, over twelve phases of the budget")
    for end in ends:
        print(
            f"  {end.platform:8} ours {end.ours:6.2f} (worst phase {end.ours_worst:.2f})"
            f"   first come, first served from a full budget {end.first_come:6.2f}"
        )
    print("\nLimits that the bot was not told, 30 minutes, 8 replies at every time")
    print(f"  {'case':36}{'refusal episodes at minute':48}{'lag/bound':>9}{'lost':>6}{'back':>7}")
    for each in limits:
        back = "" if each.used_after_return is None else f"{each.used_after_return:.0%}"
        print(
            f"  {each.case:36}{', '.join(map(str, each.episodes))[:46]:48}{each.ratio_from_minute_2:9.3f}"
            f"{each.characters_lost:6}{back:>7}"
        )
    print(
        f"\nCost: {cost['send_20_us']} us per Send with 20 replies, {cost['send_1000_us']} us with 1,000; "
        f"{cost['want_us']} us per want; {cost['woken_while_shut']:.0f} of 4,000 wants woke a shut budget"
    )


def _print_rows(some: Sequence[Row]) -> None:
    head = (
        f"{'platform':9}{'load':30}{'policy':14}{'mean':>7}{'p95':>7}{'first':>7}{'last50':>8}{'last95':>8}"
        f"{'429s':>6}{'edits':>7}{'lost':>7}{'ratio':>8}{'fluid':>7}{'unseen':>8}"
    )
    for pages in (False, True):
        print(f"\n{'with pages' if pages else 'one page'}\n{head}")
        for each in some:
            if each.pages != pages:
                continue
            ratio = "" if each.ratio is None else f"{each.ratio:.3f}{(each.bound_kind or ' ')[0]}"
            fluid = "" if each.fluid_ratio is None else f"{each.fluid_ratio:.2f}"
            print(
                f"{each.platform:9}{each.load:30}{each.policy:14}{each.mean_lag:7.2f}{each.p95_lag:7.2f}"
                f"{each.first_text_p95:7.2f}{each.last_edit_p50:8.2f}{each.last_edit_p95:8.2f}{each.refusals:6}"
                f"{each.edits:7}{each.characters_lost:7}{ratio:>8}{fluid:>7}{each.longest_unseen_share:8.2f}"
            )


def _print_seeded(all_rows: Sequence[Row]) -> None:
    print("\n50 staggered cases of one to three replies: mean lag over the clairvoyant bound")
    for setting in SETTINGS:
        for policy in POLICIES:
            ratios = [
                each.ratio
                for each in all_rows
                if each.platform == setting.name
                and each.policy == policy
                and "case" in each.load
                and each.ratio
            ]
            print(
                f"  {setting.name:8} {policy:14} mean {sum(ratios) / len(ratios):6.3f}   worst {max(ratios):6.3f}"
            )


def picture(all_rows: Sequence[Row]) -> str:
    """Mean lag against the number of replies that start at once with mixed speeds."""
    panels = []
    for platform in ("slack", "discord"):
        some = [
            each
            for each in all_rows
            if each.platform == platform and each.load.endswith("at-once-mixed") and not each.pages
        ]
        lines: dict[str, list[tuple[float, float]]] = {}
        for each in some:
            lines.setdefault(each.policy, []).append((each.replies, each.mean_lag))
            if each.policy == "ours" and each.fluid is not None:
                lines.setdefault("bound", []).append((each.replies, each.fluid))
        title = {"slack": "Slack: 50 edits a minute", "discord": "Discord: 5 edits in 5 s"}[platform]
        panels.append(Panel(title, lines))
    return draw(
        panels, "Mean seconds from Claude saying a character to a viewer seeing it, by number of replies"
    )
