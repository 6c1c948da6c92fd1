"""Forms within Discord's limits, whatever the core puts in them: judged by the sandbox as Discord judges."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discord import panels
from adapters.discord.outbound import unsigned
from bot.panels import FieldKind
from bot.ports import Field, Group, Option, Panel
from sandbox.discord.components import check_modal
from sandbox.discord.messages import read

WORDS = st.text(max_size=120)
IDS = st.from_regex(r"[a-z_]{1,40}", fullmatch=True)
OPTIONS = st.builds(
    lambda count, label: tuple(Option(f"m{n}", f"{label} {n}") for n in range(count)),
    st.sampled_from([1, 2, 25, 26, 60]),
    st.text(min_size=1, max_size=72),
)


@st.composite
def fields(draw: st.DrawFn) -> Field:
    kind: FieldKind = draw(st.sampled_from(get_args(FieldKind)))
    options = draw(OPTIONS) if kind in ("choice", "choices") else ()
    many = st.integers(0, 30).map(lambda count: tuple(str(1000 + n) for n in range(count)))
    values: tuple[str, ...] = ()
    if kind in ("text", "paragraph"):
        values = draw(st.just(()) | st.tuples(st.text(max_size=20) | st.just("x" * 5000)))
    elif kind == "choice":
        values = (draw(st.sampled_from(options)).value,)
    elif kind == "choices":
        values = tuple(one.value for one in options[:: draw(st.integers(1, 5))])
    else:
        values = draw(many)
    return Field(
        draw(IDS),
        draw(st.text(min_size=1, max_size=45)),
        kind,
        values,
        options,
        draw(WORDS),
        required=draw(st.booleans()),
        limit=draw(st.sampled_from([0, 1, 20, 2000, 9000])),
    )


GROUPS = st.builds(
    Group,
    IDS,
    st.text(max_size=60),
    st.lists(fields(), min_size=1, max_size=8, unique_by=lambda one: one.id).map(
        lambda found: tuple(
            one
            for place, one in enumerate(found)
            if one.kind not in ("text", "paragraph")
            or sum(other.kind in ("text", "paragraph") for other in found[:place]) < 5
        )
    ),
)
PANELS = st.builds(
    Panel,
    st.from_regex(r"[a-z:0-9]{1,60}", fullmatch=True),
    st.text(min_size=1, max_size=24),
    st.lists(GROUPS, min_size=1, max_size=3, unique_by=lambda one: one.id).map(tuple),
    WORDS,
    WORDS | st.just("y" * 3000),
)


def unnamed(panel: Panel) -> bool:
    """Labels and titles of white space alone say nothing; nobody writes such a form."""
    return (
        any(
            not field.label.strip() or any(not option.label.strip() for option in field.options)
            for group in panel.groups
            for field in group.fields
        )
        or not panel.title.strip()
    )


@given(PANELS)
def test_every_form_is_taken(panel: Panel) -> None:
    """At most five rows, 25 choices, 2000 characters, one name for each."""
    if unnamed(panel):
        return
    bodies = panels.as_messages(panel, "0123456789")
    for body in bodies:
        assert read(body, [], webhook=True).components
        assert 1 <= len(body["components"]) <= 5
        assert body["content"].strip()
    rows = [one for body in bodies for row in body["components"] for one in row["components"]]
    names = {part[1] for one in rows if (part := unsigned(one["custom_id"], panels.PICK)) is not None}
    asked = [field for group in panel.groups for field in group.fields]
    assert {name.partition(".")[0] for name in names} == {
        one.id for one in asked if one.kind not in ("text", "paragraph")
    }
    for number in range(len(panel.groups)):
        modal = panels.modal_of(panel, number, "0123456789")
        if modal is not None:
            check_modal(modal)
    modal = panels.as_modal(panel)
    if modal is not None:
        check_modal(modal)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["custom_id", "components", "component", "value", "values", "type"]), inner
            )
        ),
    )
)
def test_no_submission_is_fatal(components: Any) -> None:
    """Whatever stands where Discord puts the inputs."""
    panels.sent({"custom_id": "inkstream:form::p", "components": components})
    panels.picked({"custom_id": "inkstream:pick:o:f", "values": ["1"]})


@pytest.mark.parametrize(
    "custom_id",
    ["", "inkstream", "inkstream:form", "inkstream:form:x", "other:form:a:b", "inkstream:pick:a:b"],
)
def test_another_form_is_not_ours(custom_id: str) -> None:
    """Of another version or application."""
    assert panels.sent({"custom_id": custom_id, "components": []}) is None


def test_a_form_that_is_filled_in_is_remembered_so() -> None:
    """What was saved is what the next modal shows; other forms and fields stay."""
    panel = Panel(
        "p", "P", (Group("g", "G", (Field("a", "A", "text", ("1",)), Field("b", "B", "text"))),), "S"
    )
    forms = panels.OpenForms()
    one, other = forms.remember(panel, 0.0), forms.remember(panel, 0.0)
    forms.filled_in(one, {"b": ("2",), "unknown": ("3",)})
    forms.filled_in("never opened", {"b": ("2",)})
    found = forms.get(one, 1.0)
    assert found is not None
    assert [field.values for field in found.groups[0].fields] == [("1",), ("2",)]
    assert forms.get(other, 1.0) == panel
    assert forms.get(one, panels.OPEN_SECONDS) is None


def test_open_forms_are_bounded() -> None:
    """A year of settings is no leak."""
    panel = Panel("p", "P", (), "S")
    forms = panels.OpenForms()
    first = forms.remember(panel, 0.0)
    last = [forms.remember(panel, 0.0) for _ in range(panels.KEPT)][-1]
    assert forms.get(first, 0.0) is None
    assert forms.get(last, 0.0) == panel


@given(st.lists(st.text(max_size=40) | st.sampled_from(["x" * 1999, "\n" * 30, "y" * 2500])).map("".join))
def test_a_long_text_is_parted_and_nothing_but_line_breaks_is_lost(text: str) -> None:
    """Each part is one message."""
    pages = panels.pages_of(text)
    assert all(0 < len(page) <= 2000 for page in pages)
    assert "".join(pages).replace("\n", "") == text.strip().replace("\n", "")
