"""Presses, shortcuts and forms that were sent off -> the core's events. Law: pure; what is needed to handle them later
travels in the payload itself, so that they work after a restart.
"""

from __future__ import annotations

from collections.abc import Mapping

from adapters.slack import forms, history
from adapters.slack.blocks import BUTTON, CONTROLS, FEEDBACK, thread_in
from adapters.slack.payloads import (
    PLATFORM,
    Identity,
    Malformed,
    NameOf,
    Payload,
    digest,
    mapping,
    needed,
    part,
    place_of,
    scope_of,
    text,
)
from bot.ports import Check, Chosen, Control, Line, Person, Pressed, Ref, Submitted, Wanted

ASK_MESSAGE = "ask_message"
SUMMARIZE_THREAD = "summarize_thread"
"""Callback ids of the manifest's message shortcuts."""


def press(body: Payload, me: Identity, name_of: NameOf) -> Pressed | Chosen | None:
    """A block_actions payload; None where the button is not one of ours."""
    actions = body.get("actions")
    action = actions[0] if isinstance(actions, list) and actions else None
    if not isinstance(action, dict):
        raise Malformed("actions")
    name = text(action, "action_id")
    if name.startswith(BUTTON):
        return _chosen(body, action, me, name_of)
    pressed = _control(name, action)
    if pressed is None:
        return None
    control, reply = pressed
    container, shown = part(body, "container"), part(body, "message")
    channel = text(part(body, "channel"), "id") or needed(container, "channel_id")
    ts = text(shown, "ts") or needed(container, "message_ts")
    thread = text(shown, "thread_ts") or text(container, "thread_ts")
    return Pressed(
        control=control,
        reply=reply,
        person=_actor(body, name_of),
        place=place_of(body, me, channel, "" if thread == ts else thread),
        message=Ref(channel, ts),
    )


def _control(name: str, action: Payload) -> tuple[Control, str] | None:
    """(the control, its reply's id), by a button of ours or by Slack's own pair of feedback buttons."""
    if name == FEEDBACK:
        side, _, reply = needed(action, "value").partition(":")
        control = {"good": Control.GOOD, "bad": Control.BAD}.get(side)
        return (control, reply) if control is not None else None
    control = CONTROLS.get(name)
    return (control, needed(action, "value")) if control is not None else None


def _chosen(body: Payload, action: Payload, me: Identity, name_of: NameOf) -> Chosen:
    """A button under a sentence that only one person sees. Slack sends no message with it, and its thread not always."""
    container = part(body, "container")
    channel = text(part(body, "channel"), "id") or needed(container, "channel_id")
    ts = text(container, "message_ts")
    thread = text(container, "thread_ts") or thread_in(text(action, "block_id"))
    person, button = _actor(body, name_of), needed(action, "value")
    return Chosen(
        key=f"{PLATFORM}:button:{digest(text(body, 'trigger_id'), channel, ts, person.id, button)}",
        button=button,
        person=person,
        place=place_of(body, me, channel, "" if thread == ts else thread),
    )


def shortcut(body: Payload, me: Identity, name_of: NameOf) -> Wanted | None:
    """A message shortcut; None for one that is not ours, and for a global one, which is about nothing."""
    callback = text(body, "callback_id")
    if callback not in (ASK_MESSAGE, SUMMARIZE_THREAD) or text(body, "type") != "message_action":
        return None
    said = mapping(body, "message")
    channel = needed(mapping(body, "channel"), "id")
    ts = text(said, "ts") or needed(body, "message_ts")
    about = history.line({**said, "ts": ts}, channel, me, name_of)
    if about is None:  # nothing but a status, or a picture without a file: it is still a message
        about = Line(Ref(channel, ts), Person(text(said, "user") or text(said, "bot_id")), "")
    thread = text(said, "thread_ts")
    place = place_of(body, me, channel, "")
    # In an ordinary DM people talk at top level; elsewhere the answer opens a thread under the message.
    root = thread or ("" if place.private and not me.agent else ts)
    person = _actor(body, name_of)
    return Wanted(
        key=f"{PLATFORM}:shortcut:{digest(text(body, 'trigger_id'), channel, ts, person.id, callback)}",
        what="ask" if callback == ASK_MESSAGE else "summarize",
        about=about,
        person=person,
        place=place_of(body, me, channel, root),
        scope=scope_of(channel, root),
    )


def submission(body: Payload, name_of: NameOf) -> Submitted | None:
    """A form that was sent off; None where it is none of ours."""
    shown = mapping(body, "view")
    panel = forms.panel_of(shown)
    if not panel:
        return None
    place = forms.place_of(shown)
    return Submitted(
        key=f"{PLATFORM}:form:{digest(needed(shown, 'id'), text(shown, 'hash'), text(body, 'trigger_id'))}",
        panel=panel,
        values=forms.values(shown),
        person=_actor(body, name_of),
        place=place,
        about=forms.about_of(shown),
        scope=scope_of(place.channel, place.thread),
    )


def mistakes(body: Payload, check: Check) -> Mapping[str, str]:
    """What is wrong in a form that was sent off, by the block of each field; nothing where it can be taken."""
    shown = mapping(body, "view")
    panel = forms.panel_of(shown)
    if not panel:
        return {}
    filled_in = forms.values(shown)
    found = check(panel, filled_in, forms.language_of(shown))
    # A block that the form does not have would have Slack say that the app does not answer.
    return {field: sentence for field, sentence in found.items() if field in filled_in and sentence}


def _actor(body: Payload, name_of: NameOf) -> Person:
    user = needed(mapping(body, "user"), "id")
    return Person(user, name_of(user))
