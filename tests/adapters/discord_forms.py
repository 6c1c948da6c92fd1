"""People who order, press and fill in, for the tests of whispers and forms on Discord."""

from __future__ import annotations

from typing import Any

from bot.ports import Control, Field, Group, Incoming, Option, Ordered, Panel, Pressed, Sent, Wanted
from sandbox.record import Record
from tests.adapters.discord_stage import WITHIN, Stage, content

FEEDBACK = Panel(
    "feedback:r1",
    "What was wrong?",
    (Group("feedback", "", (Field("comment", "A comment", "paragraph", limit=2000),)),),
    "Send",
)

MODELS = tuple(Option(f"m{n}", f"Model {n}") for n in range(3))
SETTINGS = Panel(
    "settings:channel:10",
    "Settings",
    (
        Group(
            "answer",
            "The answer",
            (
                Field("model", "Model", "choice", ("m1",), MODELS),
                Field("growing", "Growing", "choice", ("on",), (Option("on", "Yes"), Option("off", "No"))),
                Field("persona", "Persona", "paragraph", ("a pirate",), hint="empty: as everywhere"),
            ),
        ),
        Group(
            "who",
            "Who",
            (
                Field("people", "People", "people", ("100",)),
                Field("roles", "Roles", "roles"),
                Field("tools", "Tools", "choices", ("m0", "m2"), MODELS),
            ),
        ),
        Group(
            "spending",
            "Spending",
            (
                Field("a_day", "Dollars a day", "text", ("5",), limit=20),
                Field("a_minute", "A minute", "text", limit=20, required=True),
            ),
        ),
    ),
    "Save",
    intro="For this channel.",
)


def whispered(stage: Stage) -> list[dict[str, Any]]:
    """What only somebody sees."""
    return [m for m in stage.by_the_bot(stage.general) if m["ephemeral_for"]]


def public(stage: Stage) -> list[dict[str, Any]]:
    return [m for m in stage.by_the_bot(stage.general) if not m["ephemeral_for"]]


async def happened(stage: Stage, what: str, times: int = 1) -> None:
    def enough(record: Record) -> bool:
        return len(record.entries("interaction", what=what)) >= times

    await stage.record.wait(enough, within=WITHIN)


async def ordered(stage: Stage, verb: str = "settings") -> Ordered:
    await stage.server.command(stage.ada, stage.general, "claude", verb)
    return await stage.next(Ordered)


async def wanted(stage: Stage, name: str = "Ask Claude about this", *, who: str = "") -> Wanted:
    message = await stage.server.say(stage.linus, stage.general, "the deploy failed")
    assert (await stage.next(Incoming)).how == "overheard"
    await stage.server.menu(who or stage.ada, stage.general, message, name)
    return await stage.next(Wanted)


async def rated(stage: Stage, control: Control = Control.BAD) -> Pressed:
    incoming = await stage.ask()
    posted = await stage.platform.post(
        incoming.place,
        content("one", controls=(Control.GOOD, Control.BAD)),
        key="k1",
    )
    assert isinstance(posted, Sent)
    await stage.server.press(stage.ada, stage.general, posted.ref.message, control.value.capitalize())
    return await stage.next(Pressed)
