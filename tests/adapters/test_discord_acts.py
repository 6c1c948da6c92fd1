"""Commands, menus, buttons and forms as Discord sends them, read without asking anybody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.discord import acts, panels
from bot.ports import (
    Attachment,
    Chosen,
    Control,
    Field,
    Group,
    Incoming,
    Line,
    Ordered,
    Panel,
    Person,
    Place,
    Pressed,
    Ref,
    Submitted,
    Wanted,
)
from tests.adapters.test_discord_inbound import ADA, DM, GENERAL, GRACE, GUILD, ME, THREAD, Cache

HERE = Place("discord", GUILD, GENERAL, route="3000")


def interaction(kind: int, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "3000",
        "token": "secret",
        "type": kind,
        "channel_id": GENERAL,
        "guild_id": GUILD,
        "context": 0,
        "app_permissions": str(acts.VIEW_CHANNEL | acts.SEND_MESSAGES),
        "member": {"user": {"id": ADA, "username": "ada", "global_name": "Ada"}, "nick": None},
        "data": data,
        **more,
    }


ASK = {"name": "ask", "options": [{"name": "question", "type": 3, "value": "why <#10>?"}]}


def test_a_command_asks_and_its_token_stays_out_of_the_event() -> None:
    """The route is a handle; the token is the adapter's alone."""
    act = acts.act(interaction(2, ASK), ME, Cache())
    assert act.event == Incoming(
        key="discord:interaction:3000",
        person=Person(ADA, "Ada"),
        text="why #general?",
        how="command",
        place=Place("discord", GUILD, GENERAL, route="3000"),
        scope="message:10:3000",
    )
    assert "secret" not in repr(act)
    assert act.visible
    assert act.kind == "ask"


def test_a_pressed_stop_names_its_reply() -> None:
    """The button carries the reply's id, so it works after a restart."""
    d = interaction(
        3,
        {"custom_id": "inkstream:stop:r:1", "component_type": 2},
        message={"id": "2001", "channel_id": GENERAL},
    )
    assert acts.act(d, ME, Cache()).event == Pressed(
        Control.STOP,
        "r:1",
        Person(ADA, "Ada"),
        Place("discord", GUILD, GENERAL, route="3000"),
        Ref(GENERAL, "2001"),
    )


@pytest.mark.parametrize("custom_id", ["", "other:stop:1", "inkstream:explode:1", "inkstream:stop"])
def test_a_button_that_is_not_ours_says_nothing(custom_id: str) -> None:
    """Buttons of other versions and other applications are no event."""
    d = interaction(3, {"custom_id": custom_id}, message={"id": "2001"})
    assert acts.act(d, ME, Cache()).event is None


@pytest.mark.parametrize(
    ("more", "visible"),
    [
        ({}, True),
        ({"app_permissions": str(1 << 3)}, True),
        ({"app_permissions": str(acts.VIEW_CHANNEL)}, False),
        ({"app_permissions": "many"}, True),
        ({"authorizing_integration_owners": {"1": ADA}}, False),
        ({"channel": {"type": 11}}, False),
        (
            {"channel": {"type": 11}, "app_permissions": str(acts.VIEW_CHANNEL | acts.SEND_IN_THREADS)},
            True,
        ),
        ({"guild_id": None, "context": 1, "app_permissions": "0"}, True),
        ({"guild_id": None, "context": 2}, False),
    ],
    ids=[
        "may",
        "administrator",
        "may not send",
        "unsaid",
        "installed by a user",
        "thread",
        "thread, may",
        "DM",
        "group",
    ],
)
def test_whether_we_can_post_beside_the_interaction(more: dict[str, Any], visible: bool) -> None:
    """Where we cannot post ourselves, further pages are follow-ups."""
    assert acts.act(interaction(2, ASK, **more), ME, Cache()).visible is visible


# ------------------------------------------------------------------------------------------------- the question's file


def test_a_commands_file_comes_with_the_question() -> None:
    """As an attachment of a message would."""
    data = {
        "name": "ask",
        "options": [*ASK["options"], {"name": "file", "type": 11, "value": "9"}],
        "resolved": {
            "attachments": {
                "9": {
                    "id": "9",
                    "filename": "a.pdf",
                    "content_type": "application/pdf",
                    "size": 3,
                    "url": "u",
                }
            }
        },
    }
    event = acts.act(interaction(2, data, locale="de"), ME, Cache()).event
    assert isinstance(event, Incoming)
    assert event.files == (Attachment("9", "a.pdf", "application/pdf", 3, "u"),)
    assert event.locale == "de"


# ------------------------------------------------------------------------------------------------------------ orders


@pytest.mark.parametrize(
    ("options", "verb", "argument"),
    [
        ([{"name": "settings", "type": 1, "options": []}], "settings", ""),
        ([{"name": "forget", "type": 1}], "forget", "me"),
        ([], "", ""),
    ],
)
def test_an_order_is_its_subcommand(options: list[Any], verb: str, argument: str) -> None:
    """What other platforms spell out is spelt out: "forget me"."""
    d = interaction(2, {"name": "claude", "options": options}, locale="pt-BR")
    act = acts.act(d, ME, Cache())
    assert act.event == Ordered(
        "discord:interaction:3000", verb, argument, Person(ADA, "Ada"), HERE, "message:10:3000", "pt-BR"
    )
    assert act.kind == "order"


@pytest.mark.parametrize(
    ("more", "scope", "place"),
    [
        (
            {"channel_id": THREAD, "channel": {"type": 11, "parent_id": GENERAL}},
            "thread:11",
            Place("discord", GUILD, THREAD, route="3000", parent=GENERAL),
        ),
        ({"channel_id": THREAD}, "thread:11", Place("discord", GUILD, THREAD, route="3000", parent="10")),
        (
            {"channel_id": DM, "guild_id": None, "context": 1},
            "direct:12",
            Place("discord", "", DM, private=True, route="3000"),
        ),
    ],
    ids=["thread", "thread that the payload does not describe", "direct"],
)
def test_an_order_is_about_the_conversation_in_which_it_is_typed(
    more: dict[str, Any], scope: str, place: Place
) -> None:
    """ "new" in a thread begins that thread anew."""
    d = interaction(2, {"name": "claude", "options": [{"name": "new", "type": 1}]}, **more)
    event = acts.act(d, ME, Cache()).event
    assert isinstance(event, Ordered)
    assert (event.scope, event.place) == (scope, place)


# ------------------------------------------------------------------------------------------------------------- menus


def menu(name: str, message: dict[str, Any], **more: Any) -> dict[str, Any]:
    data = {"name": name, "type": 3, "target_id": "701", "resolved": {"messages": {"701": message}}}
    return interaction(2, data, **more)


SAID: dict[str, Any] = {
    "id": "701",
    "channel_id": GENERAL,
    "type": 0,
    "content": "see <#10>",
    "author": {"id": GRACE, "username": "grace", "global_name": "Grace"},
    "attachments": [{"id": "9", "filename": "a.txt", "content_type": "text/plain", "size": 3, "url": "u"}],
    "embeds": [{"type": "rich", "title": "A card", "description": "with words"}],
}


def test_a_menu_brings_its_message_along_with_files_and_cards() -> None:
    """Also without the message content intent: who opens the menu shows it to us."""
    act = acts.act(menu("Ask Claude about this", SAID), ME, Cache())
    wanted = act.event
    assert isinstance(wanted, Wanted)
    assert (act.kind, wanted.what, wanted.scope) == ("want", "ask", "message:10:3000")
    assert wanted.place == Place("discord", GUILD, GENERAL, reply_to="701", route="3000")
    assert wanted.about == Line(
        Ref(GENERAL, "701"),
        Person(GRACE, "Grace"),
        "see #general\n\n> A card\n> with words",
        files=(Attachment("9", "a.txt", "text/plain", 3, "u"),),
    )


def test_a_message_with_a_thread_is_answered_in_it() -> None:
    """What is said about it belongs there."""
    d = menu("Summarize thread", {**SAID, "thread": {"id": "701", "type": 11, "parent_id": GENERAL}})
    act = acts.act(d, ME, Cache())
    wanted = act.event
    assert isinstance(wanted, Wanted)
    assert (act.kind, wanted.what, wanted.scope) == ("summarize", "summarize", "thread:701")
    assert wanted.place == Place("discord", GUILD, "701", route="3000", parent=GENERAL)


def test_a_menu_on_a_message_that_says_nothing_is_still_one() -> None:
    """A pin, a join: there is a message, and nothing in it."""
    d = menu(
        "Ask Claude about this", {"id": "701", "channel_id": GENERAL, "type": 7, "author": {"id": GRACE}}
    )
    wanted = acts.act(d, ME, Cache()).event
    assert isinstance(wanted, Wanted)
    assert wanted.about == Line(Ref(GENERAL, "701"), Person(GRACE), "")


# --------------------------------------------------------------------------------------------------- buttons and forms


def test_a_whispers_button_comes_back_by_its_id() -> None:
    """Colons and all."""
    d = interaction(3, {"custom_id": "inkstream:chosen:forget:yes", "component_type": 2}, message={"id": "1"})
    act = acts.act(d, ME, Cache())
    assert act.event == Chosen("discord:interaction:3000", "forget:yes", Person(ADA, "Ada"), HERE)
    assert act.kind == "choose"


@pytest.mark.parametrize(
    ("custom_id", "kind"),
    [
        ("inkstream:good:r1", "rate"),
        ("inkstream:bad:r1", "rate"),
        ("inkstream:regenerate:r1", "press"),
        ("inkstream:delete:r1", "press"),
        ("inkstream:pick:abc:model", "pick"),
        ("inkstream:group:abc:2", "group"),
        ("inkstream:group:abc:two", "press"),
        ("", "press"),
    ],
)
def test_what_may_open_a_form_is_held_and_the_rest_is_not(custom_id: str, kind: str) -> None:
    """A form has to be the first response."""
    d = interaction(3, {"custom_id": custom_id, "component_type": 2}, message={"id": "2001"})
    assert acts.act(d, ME, Cache()).kind == kind


@pytest.mark.parametrize("in_labels", [False, True], ids=["rows", "labels"])
def test_a_form_comes_back_with_each_field_that_it_had(*, in_labels: bool) -> None:
    """Discord has two ways to write it; what was left empty has no value."""
    inputs = [
        {"type": 4, "custom_id": "persona", "value": "a pirate"},
        {"type": 4, "custom_id": "daily", "value": "  "},
    ]
    rows = [
        {"type": 18, "component": one} if in_labels else {"type": 1, "components": [one]} for one in inputs
    ]
    d = interaction(5, {"custom_id": "inkstream:form:abc:settings:channel:10", "components": rows})
    act = acts.act(d, ME, Cache())
    assert act.event == Submitted(
        "discord:interaction:3000",
        "settings:channel:10",
        {"persona": ("a pirate",), "daily": ()},
        Person(ADA, "Ada"),
        HERE,
        scope="message:10:3000",
    )
    assert (act.kind, act.opened) == ("submit", "abc")


def test_a_form_about_a_message_comes_back_with_where_it_stands() -> None:
    """A custom id has room for no more; the answer replies to the message."""
    field = Field("question", "Your question", "paragraph")
    about = Line(Ref("10", "2001"), Person(GRACE), "The build is red.")
    modal = panels.as_modal(
        Panel("ask:0123456789abcdef", "Ask", (Group("q", "", (field,)),), "Ask", about=about)
    )
    assert modal is not None
    assert len(modal["custom_id"]) <= 100
    rows = [{"type": 1, "components": [{"type": 4, "custom_id": "question", "value": "why?"}]}]
    act = acts.act(interaction(5, {"custom_id": modal["custom_id"], "components": rows}), ME, Cache())
    assert act.event == Submitted(
        "discord:interaction:3000",
        "ask:0123456789abcdef",
        {"question": ("why?",)},
        Person(ADA, "Ada"),
        replace(HERE, reply_to="2001"),
        about=Line(Ref("10", "2001"), Person(""), ""),
        scope="message:10:3000",
    )


# ---------------------------------------------------------------------------------------------------------- malformed


@pytest.mark.parametrize(
    "d",
    [
        interaction(5, {"custom_id": "somebody:else"}),
        interaction(5, {}),
        interaction(2, {"name": "old-command"}),
        interaction(2, {"name": "Ask Claude about this", "type": 1}),
        interaction(4, {"name": "ask"}),
        interaction(99, {}),
    ],
    ids=[
        "another form",
        "a form without a name",
        "old command",
        "a slash command like a menu",
        "completion",
        "new",
    ],
)
def test_what_we_do_not_know_is_nothing(d: dict[str, Any]) -> None:
    """Of another version, of a newer Discord."""
    act = acts.act(d, ME, Cache())
    assert (act.kind, act.event) == ("unknown", None)


@pytest.mark.parametrize(
    "break_",
    [
        lambda d: d.pop("token"),
        lambda d: d.pop("id"),
        lambda d: d.pop("member"),
        lambda d: d.pop("type"),
        lambda d: d["data"].pop("target_id"),
        lambda d: d["data"].pop("resolved"),
        lambda d: d["data"]["resolved"]["messages"].clear(),
    ],
    ids=["token", "id", "member", "type", "target", "resolved", "message"],
)
def test_a_malformed_payload_raises_and_the_gateway_says_so(break_: Any) -> None:
    """One log line, and the connection lives (see test_discord_gateway)."""
    d = menu("Ask Claude about this", SAID)
    break_(d)
    with pytest.raises((KeyError, TypeError, ValueError)):
        acts.act(d, ME, Cache())
