"""The settings form: within what both platforms take, true about what holds, and strict about what comes back."""

from __future__ import annotations

from typing import Any

import pytest

from bot.claude.models import Model
from bot.conversation.panel import (
    FOLLOW,
    changed,
    mistakes,
    panel_id,
    scope_of,
    settings_panel,
    warnings,
)
from bot.conversation.preferences import WORKSPACE_ONLY, Preferences, Scope, resolve
from bot.ports import Field, Panel
from bot.translations import LANGUAGES

BASE = Preferences(
    model="claude-sonnet-5-5",
    effort="low",
    footer=True,
    notify_after=90,
    person_daily=2_500_000,
    language="de",
)
MODELS = [Model("claude-haiku-5-5", "Claude Haiku 5.5"), Model("claude-sonnet-5-5", "Claude Sonnet 5.5")]
MANY = [Model(f"claude-model-{n}", f"Claude Model {n} with a very long name" + "!" * 80) for n in range(60)]


def form(scope: Scope = "channel", changes: dict[str, Any] | None = None, **more: Any) -> Panel:
    channel = "C1" if scope == "channel" else ""
    return settings_panel(scope, BASE, changes or {}, more.pop("models", MODELS), channel=channel, **more)


def fields(panel: Panel) -> dict[str, Field]:
    return {field.id: field for group in panel.groups for field in group.fields}


def labels(field: Field) -> dict[str, str]:
    return {option.value: option.label for option in field.options}


FULL = {
    "model": "claude-gone-1", "effort": "off", "persona": "", "language": "", "denied_people": [f"U{n}" for n in range(40)],
    "allowed_people": ["U1"], "bots": ["B1"], "person_daily": 0, "notify_after": 0, "footer": False,
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("scope", ["channel", "workspace"])
@pytest.mark.parametrize("changes", [{}, FULL])
@pytest.mark.parametrize("models", [[], MODELS, MANY])
def test_the_form_keeps_the_bounds_of_both_platforms(
    scope: Scope, language: str, changes: dict[str, Any], models: list[Model]
) -> None:
    """The limits of bot/panels.py, and those of Discord: 25 options, five rows and five texts a group."""
    panel = form(scope, changes, language=language, models=models)
    assert len(panel.id) <= 60
    assert 0 < len(panel.title) <= 24
    assert len(fields(panel)) == sum(len(group.fields) for group in panel.groups), "no id twice"
    for group in panel.groups:
        assert len(group.title) <= 45
        texts = [field for field in group.fields if field.kind in ("text", "paragraph")]
        assert len(texts) <= 5
        assert len(group.fields) - len(texts) + bool(texts) <= 5, group.title
        for field in group.fields:
            assert 0 < len(field.label) <= 45, field.label
            assert len(field.hint) <= 100, field.hint
            assert len(field.values) <= (25 if field.kind in ("people", "roles") else 1)
            assert not field.required
            values = [option.value for option in field.options]
            assert len(values) == len(set(values)) <= 25
            for option in field.options:
                assert 0 < len(option.label) <= 75
                assert 0 < len(option.value) <= 100
            if field.kind == "choice":
                assert set(field.values) <= set(values), f"{field.id}: what is set can be chosen"


def test_what_is_not_set_here_follows_and_says_what() -> None:
    told = fields(form())
    assert told["model"].values == (FOLLOW,)
    assert labels(told["model"])[FOLLOW] == "Claude Sonnet 5.5 (as everywhere here)"
    assert labels(told["footer"])[FOLLOW] == "Yes (as everywhere here)"
    assert labels(told["language"])[FOLLOW] == "Deutsch (as everywhere here)"
    assert told["person_daily"].values == ()
    assert told["person_daily"].hint == "Empty: 2.50. 0: no limit."
    assert told["channel_daily"].hint == "Empty: no limit. 0: no limit."
    assert told["notify_after"].hint == "Empty: 90. 0: never."
    assert labels(fields(form("workspace"))["model"])[FOLLOW] == "Claude Sonnet 5.5 (as usual)"


def test_what_is_set_here_is_shown_as_it_was_set() -> None:
    told = fields(form(changes=FULL))
    assert told["model"].values == ("claude-gone-1",), "also a model that the list does not have any more"
    assert told["footer"].values == ("off",)
    assert told["language"].values == ("auto",)
    assert told["persona"].values == ("-",)
    assert told["person_daily"].values == ("0",)
    assert told["allowed_people"].values == ("U1",)
    assert told["denied_people"].kind == "text", "a select would lose whoever does not fit in it"
    assert fields(form(changes={"person_daily": 12_345}))["person_daily"].values == ("0.012345",)


def test_a_channel_is_not_asked_what_only_a_workspace_can_set() -> None:
    assert not WORKSPACE_ONLY & fields(form("channel")).keys()
    assert fields(form("workspace")).keys() >= WORKSPACE_ONLY


def test_what_means_nothing_on_a_platform_is_left_out() -> None:
    told = form(
        without={"guests", "outsiders", "branching", "requests_a_minute", "person_daily", "channel_daily"}
    )
    assert not {"guests", "outsiders", "branching"} & fields(told).keys()
    assert "spending" not in [group.id for group in told.groups], "a group without fields has no title either"


def test_the_id_of_a_form_tells_its_scope() -> None:
    assert scope_of(panel_id("channel", "C1")) == ("channel", "C1")
    assert scope_of(panel_id("workspace", "C1")) == ("workspace", "")
    for other in ("", "ask:C1", "settings", "settings:channel:", "settings:workspace:C1", "settings:a:b:c"):
        assert scope_of(other) is None


READ: list[tuple[str, str, Any]] = [
    ("model", "claude-opus-5-5", "claude-opus-5-5"),
    ("model", FOLLOW, None),
    ("effort", "high", "high"),
    ("footer", "on", True),
    ("footer", "off", False),
    ("language", "auto", ""),
    ("language", "de", "de"),
    ("persona", "Be kind.", "Be kind."),
    ("persona", "  ", None),
    ("persona", "-", ""),
    ("notify_after", "120", 120),
    ("notify_after", "0", 0),
    ("notify_after", "", None),
    ("bots_in_a_row", "1", 1),
    ("person_daily", "2", 2_000_000),
    ("person_daily", "2.50", 2_500_000),
    ("person_daily", "2,5", 2_500_000),
    ("person_daily", " $2.50 ", 2_500_000),
    ("person_daily", "0", 0),
    ("person_daily", "0.0001", 100),
    ("bots", "B1, B2;B1  B3", ["B1", "B2", "B3"]),
    ("bots", "", None),
]


@pytest.mark.parametrize(("name", "written", "value"), READ)
def test_what_is_written_is_read(name: str, written: str, value: Any) -> None:
    changes, mistakes = changed({name: (written,)}, "workspace")
    assert (changes, mistakes) == ({name: value}, [])
    resolve(BASE, {name: value for name, value in changes.items() if value is not None}, {})


def test_people_are_picked_or_written() -> None:
    assert changed({"allowed_people": ("U2", "U1")}, "channel") == ({"allowed_people": ["U1", "U2"]}, [])
    assert changed({"allowed_people": ("U2, U1",)}, "channel") == ({"allowed_people": ["U1", "U2"]}, [])
    assert changed({"allowed_people": ()}, "channel") == ({"allowed_people": None}, [])


MISTAKES = [
    ("model", "no such model!"), ("model", "x" * 201), ("effort", "heroic"), ("footer", "maybe"), ("language", "tlh"),
    ("notify_after", "soon"), ("notify_after", "-1"), ("notify_after", "86401"), ("notify_after", "1.5"), ("bots_in_a_row", "0"),
    ("person_daily", "nan"), ("person_daily", "-2"), ("person_daily", "1,000"), ("person_daily", "1e3"),
    ("person_daily", "9999999"), ("person_daily", "two"), ("persona", "x" * 2001), ("attach_pages", "٣"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "written"), MISTAKES)
def test_a_mistake_changes_nothing_and_is_a_sentence_about_its_field(name: str, written: str) -> None:
    changes, mistakes = changed(
        {name: (written,), "footer": ("on",) if name != "footer" else (written,)}, "channel"
    )
    assert changes == ({} if name == "footer" else {"footer": True}), "the other field is not lost"
    [sentence] = mistakes
    assert sentence.startswith(fields(form())[name].label + ": please ")
    assert "{" not in sentence


@pytest.mark.parametrize(("name", "written"), MISTAKES)
def test_what_is_wrong_is_known_by_the_form_s_id_alone(name: str, written: str) -> None:
    """As an adapter asks it, perhaps after a restart: by field, as a sentence of its own, in the form's language."""
    told = {name: (written,), "guests": ("on",)}
    for language, begins in (("en", "Please "), ("de-DE", "Bitte ")):
        wrong = mistakes(panel_id("channel", "C1"), told, language)
        assert list(wrong) == [name]
        assert wrong[name].startswith(begins)
    [said] = changed(told, "channel")[1]
    assert said.lower().endswith(mistakes(panel_id("channel", "C1"), told, "")[name].lower())


def test_of_other_forms_and_of_right_ones_nothing_is_wrong() -> None:
    assert mistakes(panel_id("workspace", ""), {"person_daily": ("2.50",)}, "") == {}
    assert mistakes(panel_id("channel", "C1"), {"workspace_daily": ("a lot",)}, "") == {}, "not asked there"
    assert mistakes("ask:0123", {"person_daily": ("a lot",)}, "") == {}
    assert mistakes("", {}, "") == {}


def test_only_what_was_submitted_changes() -> None:
    """Discord sends a form in parts; unknown fields may come from a form of another version."""
    assert changed({}, "channel") == ({}, [])
    assert changed({"colour": ("red",), "guests": ("on",)}, "channel") == ({"guests": True}, [])
    assert changed({"workspace_daily": ("0",), "direct_messages": ("off",)}, "channel") == ({}, [])


def test_a_form_that_is_sent_back_as_it_was_changes_nothing() -> None:
    """Law: opening the form and saving it is harmless, whatever had been set."""
    forms: list[dict[str, Any]] = [
        {},
        FULL,
        {"attach_code": 5, "reply_in": "channel", "person_daily": 12_345},
    ]
    for changes in forms:
        sent = {field.id: field.values for field in fields(form("workspace", changes)).values()}
        told, mistakes = changed(sent, "workspace")
        assert mistakes == []
        kept = {name: value for name, value in told.items() if value is not None}
        assert {**kept, "denied_people": sorted(kept.get("denied_people", []))} == {
            **changes,
            "denied_people": sorted(changes.get("denied_people", [])),
        }


def test_a_list_that_lets_nobody_in_is_remarked() -> None:
    assert warnings(BASE) == []
    assert warnings(BASE.model_copy(update={"who_asks": "listed"})) != []
    assert warnings(BASE.model_copy(update={"who_asks": "listed", "allowed_groups": ("S1",)})) == []
