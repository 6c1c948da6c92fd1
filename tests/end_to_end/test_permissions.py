"""Ways of asking x rules, on the wire: the real clients, the settings set in the forms, each way by a person's own hands.

Whoever may not ask is told so in one sentence, alone wherever the platform can do that; Claude is asked nothing, and
nobody else sees anything. Whoever may is answered. A table is gone through once, by one bot (and on after restarts, for
what its environment rules); then, when that bot has drained, each cell is judged by what stands in the record.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import sentences
from bot.translations import wait
from sandbox.record import Entry
from tests.end_to_end.permissions_rules import BOTH, DAY, RULES, SPENT, Rule, cells, sample
from tests.end_to_end.permissions_table import Cell, Table, expected, gone_through, pattern, plain


def judge(rule: Rule, cell: Cell) -> None:
    """Whoever may is answered, once; whoever may not is told so, once and alone, and nothing else happens."""
    last = {entry["message"]: entry for entry in cell.seen if not entry.get("loading")}
    public = [entry for entry in last.values() if not entry["ephemeral"]]
    alone = [entry for entry in last.values() if entry["ephemeral"]]
    if not rule.says:
        [request] = cell.requests
        assert request.ended == "max_tokens"
        assert sum(request.said in entry["text"] for entry in public) == 1, _texts(public)
        assert alone == [], _texts(alone)
        return
    assert cell.requests == [], "Claude was asked"
    # How much an answer may cost is known when its thread has been read, which may take so long that a status shows.
    beside = [one for one in cell.beside if one.kind == "channel" or rule.says not in SPENT]
    assert beside == [], beside
    # A question that nobody may ask is not written first; what answers under way have set aside is seen when it is sent
    # off: by then there may be room again.
    assert rule.says == sentences.RESERVED or cell.forms == [], cell.forms
    says = expected(rule, cell.way)
    told = [*public, *alone]
    assert len(told) == bool(says), _texts(told)
    if not says:
        return
    if cell.way.pressed or cell.room.slack:
        # A direct conversation is private whatever is said there.
        assert public == [] or cell.way.where == "direct", _texts(public)
    [entry] = told
    assert entry["ephemeral_for"] in ("", cell.room.asker)
    assert set(entry["pings"]) <= {cell.room.asker}
    found = pattern(says, rule.limit).fullmatch(plain(entry))
    assert found is not None, _texts(told)
    assert "wait" not in found.groupdict() or found["wait"] in waits(rule, cell), entry["text"]


def _texts(entries: list[Entry]) -> list[str]:
    return [entry["text"] for entry in entries]


def waits(rule: Rule, cell: Cell) -> set[str]:
    """Until when somebody may have been told to wait: the end of the day, or of the minute since they last asked."""
    if rule.says == sentences.TOO_MANY_REQUESTS:
        return {wait("en", seconds) for seconds in range(1, 61)}
    steps = range(int(4 * (cell.until - cell.at)) + 2)
    return {wait("en", DAY - (cell.at + step / 4) % DAY) for step in steps}


def wrong(table: Table) -> dict[tuple[str, str], str]:
    """What went otherwise than its rule says."""
    found = {}
    for (name, way), cell in table.cells.items():
        try:
            judge(RULES[name], cell)
        except (AssertionError, ValueError) as error:
            found[name, way] = str(error)
    return found


@pytest.mark.parametrize("platform", BOTH)
async def test_no_way_of_asking_goes_around_its_rule(platform: str, tmp_path: Path) -> None:
    """Each rule by some ways, each way under some rules."""
    chosen = sample(platform)
    table = await gone_through(platform, chosen, tmp_path)
    assert table.cells.keys() == set(chosen)
    assert wrong(table) == {}


@pytest.mark.long
@pytest.mark.parametrize("platform", BOTH)
async def test_no_way_of_asking_goes_around_any_rule(platform: str, tmp_path: Path) -> None:
    """Every way under every rule, also under those that only the environment knows."""
    table = await gone_through(platform, cells(platform), tmp_path)
    assert table.cells.keys() == set(cells(platform))
    assert wrong(table) == {}
