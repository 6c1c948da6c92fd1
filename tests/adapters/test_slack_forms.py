"""A panel as a modal: whatever it holds, Slack takes it, and what is filled in comes back as the panel's own values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import forms
from bot.ports import Field, Group, Line, Option, Panel, Person, Place, Ref
from sandbox.slack.forms import checked_view, filled

PLACE = Place("slack", "T1", "C1", thread="1.0", route="abc")


def panel(*fields: Field, **more: Any) -> Panel:
    return Panel(
        **{"id": "p", "title": "Title", "groups": (Group("g", "Group", fields),), "submit": "Save", **more}
    )


def modal(*fields: Field, groups: tuple[Option, ...] = (), **more: Any) -> dict[str, Any]:
    """As Slack takes it."""
    return checked_view(forms.view(panel(*fields, **more), PLACE, groups), "modal")


def element(field: Field, groups: tuple[Option, ...] = ()) -> dict[str, Any]:
    [block] = [block for block in modal(field, groups=groups)["blocks"] if block["type"] == "input"]
    found: dict[str, Any] = block["element"]
    return found


# ---------------------------------------------------------------------------------------------------- fields


def test_a_text_has_its_length_and_what_is_there_already() -> None:
    """What is longer than the limit by now is cut, or the form would not open."""
    assert element(Field("a", "A", "text", ("hello",), limit=3)) == {
        "type": "plain_text_input",
        "multiline": False,
        "max_length": 3,
        "initial_value": "hel",
        "action_id": "value",
    }
    assert element(Field("a", "A", "paragraph"))["multiline"]
    assert element(Field("a", "A", "paragraph", limit=99_999))["max_length"] == 3_000
    assert "initial_value" not in element(Field("a", "A", "text", ("",)))


def test_what_is_set_is_offered_even_where_it_no_longer_is() -> None:
    """A model that was withdrawn, a group that was switched off: sending the form as it is changes nothing."""
    field = Field("model", "Model", "choice", ("old",), (Option("new", "New"),))
    assert element(field)["initial_option"] == {
        "text": {"type": "plain_text", "text": "old"},
        "value": "=old",
    }
    view = modal(field)
    assert forms.values({**view, "state": {"values": filled(view, {})}}) == {"model": ("old",)}


def test_the_empty_choice_is_one() -> None:
    """ "As everywhere" is a choice like any other, and Slack takes no empty value."""
    view = modal(Field("model", "Model", "choice", ("",), (Option("", "As everywhere"), Option("a", "A"))))
    assert forms.values({**view, "state": {"values": filled(view, {})}}) == {"model": ("",)}
    assert forms.values({**view, "state": {"values": filled(view, {"model": "A"})}}) == {"model": ("a",)}


def test_of_too_many_options_those_that_are_set_stay() -> None:
    """A select has a hundred."""
    options = tuple(Option(f"{n}", f"Option {n}") for n in range(250))
    found = element(Field("a", "A", "choices", ("7", "249"), options))
    assert len(found["options"]) == 100
    assert [option["value"] for option in found["initial_options"]] == ["=7", "=249"]
    assert [option["value"] for option in found["options"][:9]] == [f"={n}" for n in range(9)]


def test_what_has_no_options_is_left_out() -> None:
    """And the rest of the form opens. A group without fields has no title either."""
    view = modal(Field("roles", "Groups", "roles"), Field("b", "B", "choice"))
    assert view["blocks"] == []
    [block] = [
        b
        for b in modal(Field("roles", "Groups", "roles"), Field("c", "C", "text"))["blocks"]
        if b["type"] == "input"
    ]
    assert block["block_id"] == "c"


def test_people_and_groups_are_picked_with_what_slack_has_for_them() -> None:
    assert element(Field("a", "A", "people", ("U1",))) == {
        "type": "multi_users_select",
        "initial_users": ["U1"],
        "action_id": "value",
    }
    found = element(Field("a", "A", "roles", ("S1",)), (Option("S1", "@ops"), Option("S2", "@dev")))
    assert found["type"] == "multi_static_select"
    assert [option["text"]["text"] for option in found["options"]] == ["@ops", "@dev"]
    assert [option["value"] for option in found["initial_options"]] == ["=S1"]


def test_an_integration_that_no_picker_shows_stays_listed() -> None:
    """Slack would not open a form that begins with an id which is no person's; and saving must not unlist it."""
    view = modal(Field("bots", "Bots", "people", ("U1", "B0PAGER")))
    [block] = [block for block in view["blocks"] if block["type"] == "input"]
    assert block["element"]["initial_users"] == ["U1"]
    sent = {**view, "state": {"values": filled(view, {"bots": ["U2"]})}}
    assert forms.values(sent) == {"bots": ("U2", "B0PAGER")}


@pytest.mark.parametrize("required", [True, False])
def test_what_is_required_is(required: bool) -> None:
    [block] = [b for b in modal(Field("a", "A", "text", required=required))["blocks"] if b["type"] == "input"]
    assert block["optional"] is not required


# ---------------------------------------------------------------------------------------------------- the whole


def test_groups_stand_apart_under_their_titles() -> None:
    """One modal holds them all, unlike elsewhere."""
    groups = tuple(Group(name, name.title(), (Field(name, name, "text"),)) for name in ("one", "two"))
    shown = checked_view(forms.view(panel(groups=groups, intro="Hello <!here>"), PLACE, ()), "modal")
    assert [block["type"] for block in shown["blocks"]] == [
        "section", "divider", "header", "input", "divider", "header", "input",
    ]  # fmt: skip
    assert shown["blocks"][0]["text"]["text"] == "Hello &lt;!here&gt;"


def test_more_fields_than_a_modal_holds_lose_their_titles_first() -> None:
    """A hundred blocks: what is asked is worth more than what stands above it."""
    groups = tuple(Group(f"g{n}", f"Group {n}", (Field(f"f{n}", "F", "text"),)) for n in range(60))
    shown = checked_view(forms.view(panel(groups=groups), PLACE, ()), "modal")
    assert [block["type"] for block in shown["blocks"]] == ["input"] * 60
    many = tuple(Group(f"g{n}", "G", (Field(f"f{n}", "F", "text"),)) for n in range(150))
    assert len(checked_view(forms.view(panel(groups=many), PLACE, ()), "modal")["blocks"]) == 100


def test_a_form_knows_where_it_was_opened() -> None:
    """Everything but secrets: it travels to the person's client and back."""
    view = modal(Field("a", "A", "text"))
    assert forms.place_of(view) == PLACE
    assert forms.panel_of(view) == "p"


LETTERS = "ab <&>é日🙂=_\n"
WORDS = st.text(LETTERS, max_size=200)
OPTIONS = st.lists(st.builds(Option, WORDS, WORDS), max_size=120, unique_by=lambda option: option.value)
FIELDS = st.builds(
    Field,
    id=st.text("abc_", min_size=1, max_size=40),
    label=WORDS,
    kind=st.sampled_from(["text", "paragraph", "choice", "choices", "people", "roles"]),
    values=st.lists(st.text(LETTERS, min_size=1, max_size=200), max_size=3).map(tuple),
    options=OPTIONS.map(tuple),
    hint=WORDS,
    required=st.booleans(),
    limit=st.integers(0, 5_000),
)
GROUPS = st.builds(
    Group,
    id=st.text(LETTERS, max_size=40),
    title=WORDS,
    fields=st.lists(FIELDS, max_size=4, unique_by=lambda field: field.id).map(tuple),
)


@given(
    st.builds(
        Panel,
        id=st.text(LETTERS, max_size=60),
        title=WORDS,
        groups=GROUPS.map(lambda g: (g,)),
        submit=WORDS,
        intro=WORDS,
    ),
    OPTIONS,
)
def test_slack_takes_any_panel(one: Panel, groups: list[Option]) -> None:
    """Whatever is in it, the form opens."""
    checked_view(forms.view(one, PLACE, groups), "modal")


@given(
    words=st.text(LETTERS + '"\\\\\x00', max_size=4_000),
    name=st.text(LETTERS, max_size=200),
    odd=st.lists(st.text("ab_", min_size=1, max_size=60), max_size=50),
    language=st.sampled_from(["", "de"]),
)
def test_a_form_about_a_message_has_room_for_its_beginning(
    words: str, name: str, odd: list[str], language: str
) -> None:
    """Slack takes 3,000 characters of ours: where the message stands and who wrote it come first."""
    about = Line(Ref("C1", "5.0"), Person("U2", name), words, ours=True)
    people = Field("bots", "Bots", "people", tuple(odd))
    view = checked_view(
        forms.view(replace(panel(people), language=language, about=about), replace(PLACE, channel="C1"), ()),
        "modal",
    )
    packed = view["private_metadata"]
    assert len(packed.encode()) <= 3_000
    assert not set("&<>") & set(packed), "nothing that is escaped on its way"
    back = forms.about_of(view)
    assert back is not None
    assert (back.message, back.person.id, back.ours) == (about.message, "U2", True)
    assert words.startswith(back.text)
    assert name.startswith(back.person.name)
    assert back.text == words or len(packed.encode()) > 2_980
    assert (forms.language_of(view), forms.place_of(view).thread) == (language, PLACE.thread)


def test_a_form_about_nothing_says_so() -> None:
    assert forms.about_of(modal(Field("a", "A", "text"))) is None


@given(
    st.text("abc", min_size=1, max_size=9),
    st.lists(st.text(LETTERS, min_size=1, max_size=100), min_size=1, max_size=5, unique=True),
)
def test_what_is_chosen_comes_back_as_it_was_offered(name: str, values: list[str]) -> None:
    """Whatever an option's value is."""
    field = Field(name, "F", "choices", tuple(values), tuple(Option(value, "x") for value in values))
    view = modal(field)
    assert forms.values({**view, "state": {"values": filled(view, {})}}) == {name: tuple(values)}
