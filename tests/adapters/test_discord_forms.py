"""Forms as messages that one person sees, with the real client against the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.discord import panels
from bot.ports import (
    Button,
    Chosen,
    Field,
    Group,
    Option,
    Panel,
    Submitted,
)
from tests.adapters.discord_forms import (
    FEEDBACK,
    SETTINGS,
    happened,
    ordered,
    whispered,
)
from tests.adapters.discord_stage import WITHIN, Stage, staged


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as one:
        yield one


# --------------------------------------------------------------------------------------------------- forms as messages


async def opened(stage: Stage, panel: Panel = SETTINGS) -> list[dict[str, Any]]:
    """The settings, as the person who asked for them sees them."""
    order = await ordered(stage)
    assert await stage.platform.whisper(
        order.place, order.person, "What?", (Button("settings", "This channel"),)
    )
    [question] = whispered(stage)
    await stage.server.press(stage.ada, stage.general, question["id"], "This channel")
    chosen = await stage.next(Chosen)
    assert await stage.platform.open(chosen.place, chosen.person, panel)
    return whispered(stage)


async def test_a_large_form_is_messages_of_five_rows_with_its_choices_as_they_stand(stage: Stage) -> None:
    """A group is kept together; every control says what it is, also where something is chosen already."""
    first, second = await opened(stage)
    assert first["ephemeral_for"] == second["ephemeral_for"] == stage.ada
    assert first["text"].split("\n") == ["## Settings", "For this channel.", "**The answer**"]
    # Chosen people stand in a select without its name, and the choices of several, too.
    assert second["text"].split("\n") == [
        "**Who**",
        "- People",
        "- Roles",
        "- Tools",
        "**Spending**",
    ]
    assert [one["label"] for one in first["controls"]] == ["Model", "Growing", "Persona…"]
    assert [one["label"] for one in second["controls"]] == [
        *("People", "Roles", "Tools"),
        *("Dollars a day…", "A minute…"),
    ]
    model = first["controls"][0]
    assert [one["label"] for one in model["options"]] == [
        "Model: Model 0",
        "Model: Model 1",
        "Model: Model 2",
    ]
    assert model["chosen"] == ["m1"]


async def test_a_choice_is_submitted_alone(stage: Stage) -> None:
    """With just that field; what else stands in the form is as it was."""
    first, second = await opened(stage)
    await stage.server.select(stage.ada, stage.general, first["id"], "Model", "m2")
    picked = await stage.next(Submitted)
    assert (picked.panel, picked.values, picked.person.id) == (
        "settings:channel:10",
        {"model": ("m2",)},
        stage.ada,
    )
    assert await stage.platform.whisper(picked.place, picked.person, "Saved.")
    assert [m["text"] for m in whispered(stage)][2:] == ["Saved."]
    await stage.server.select(stage.ada, stage.general, second["id"], "People")
    nobody = await stage.next(Submitted)
    assert nobody.values == {"people": ()}
    await stage.server.select(stage.ada, stage.general, second["id"], "Roles", "500", "501")
    assert (await stage.next(Submitted)).values == {"roles": ("500", "501")}


async def test_the_texts_of_a_group_open_as_a_form_and_show_what_was_saved_last(stage: Stage) -> None:
    """By the button of any of them; again and again while the settings stand open."""
    _, second = await opened(stage)
    await stage.server.press(stage.ada, stage.general, second["id"], "A minute…")
    await stage.record.wait(lambda r: r.entries("modal"), within=WITHIN)
    [form] = stage.server.modals(stage.ada)
    assert form["title"] == "Spending"
    assert [(one["label"], one.get("value")) for one in form["fields"]] == [
        ("Dollars a day", "5"),
        ("A minute", None),
    ]
    await stage.server.submit(stage.ada, {"a_day": "", "a_minute": "12"})
    submitted = await stage.next(Submitted)
    assert (submitted.panel, submitted.values) == (
        "settings:channel:10",
        {"a_day": (), "a_minute": ("12",)},
    )
    assert await stage.platform.whisper(submitted.place, submitted.person, "Saved.")
    await stage.server.press(stage.ada, stage.general, second["id"], "A minute…")
    await stage.record.wait(lambda r: len(r.entries("modal")) == 2, within=WITHIN)
    [form] = stage.server.modals(stage.ada)
    assert [one.get("value") for one in form["fields"]] == [None, "12"]


@pytest.mark.parametrize("old", ["restart", "hours"])
@pytest.mark.parametrize("control", ["A minute…", "Tools"])
async def test_a_form_that_is_no_longer_known_says_so(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, old: str, control: str
) -> None:
    """Within its three seconds, to the person alone; nothing is submitted."""
    if old == "hours":
        monkeypatch.setattr(panels, "OPEN_SECONDS", 0.0)
    _, second = await opened(stage)
    if old == "restart":
        monkeypatch.setattr(stage.platform._asides, "forms", panels.OpenForms())
    before = len(whispered(stage))
    if control == "Tools":
        await stage.server.select(stage.ada, stage.general, second["id"], control, "m1")
    else:
        await stage.server.press(stage.ada, stage.general, second["id"], control)
    await stage.record.wait(lambda _: len(whispered(stage)) > before, within=WITHIN)
    assert "too old" in whispered(stage)[-1]["text"]
    assert (await stage.ask("next")).text == "next"


async def test_more_choices_than_a_select_holds_are_several_selects(stage: Stage) -> None:
    """Discord's selects hold 25."""
    many = tuple(Option(f"m{n}", f"Model {n}") for n in range(30))
    panel = Panel(
        "p",
        "Many",
        (
            Group("g", "Group", (Field("model", "Model", "choice", ("m29",), many),)),
            Group("h", "", (Field("t", "Text", "text"),)),
        ),
        "Save",
    )
    [message] = await opened(stage, panel)
    rows = stage.server.state.message(stage.general, message["id"]).components
    assert [len(one["components"][0].get("options", [])) for one in rows] == [25, 5, 0]
    second = rows[1]["components"][0]
    await stage.server.select(stage.ada, stage.general, message["id"], second["custom_id"], "m27")
    assert (await stage.next(Submitted)).values == {"model": ("m27",)}


async def test_a_form_can_be_opened_by_an_order_too(stage: Stage) -> None:
    """What its giver alone sees as thinking becomes the form; one of texts alone has come too late."""
    order = await ordered(stage)
    await happened(stage, "deferred")
    assert not await stage.platform.open(order.place, order.person, FEEDBACK)
    assert await stage.platform.open(order.place, order.person, SETTINGS)
    assert len(whispered(stage)) == 2
