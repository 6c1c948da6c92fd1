"""Buttons, selects and Components V2. Law: what Discord would refuse is refused here, at the path that is wrong.

Limits: docs components/reference (5 buttons or one select in a row, 5 rows, custom_id 1-100 and unique, label 80, 40
components counting nested ones with IS_COMPONENTS_V2). Two figures are not documented: 4,000 characters over all text
(uddocs components.mdx; api-docs PR 8562) and about 10,170 bytes, beyond which Discord answers 500 (api-docs issue 8554).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sandbox.discord.errors import Form, Path, Refusal
from sandbox.discord.state import Json

ACTION_ROW, BUTTON, SELECT, INPUT = 1, 2, 3, 4
SELECT_KINDS = {3: "string", 5: "user", 6: "role", 7: "mentionable", 8: "channel"}
SELECTS = tuple(SELECT_KINDS)
SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER, LABEL = 9, 10, 11, 12, 13, 14, 17, 18
V2_TOP = (ACTION_ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR, CONTAINER)
IN_CONTAINER = (ACTION_ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR)
BUTTON_STYLES = {1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link", 6: "premium"}

TEXT_MAX = 4000  # observed
BYTES_MAX = 10_170  # observed: answered with HTTP 500
COUNT_MAX = 40


def walk(components: Sequence[Any]) -> Iterator[Json]:
    """Every component, nested ones after the one that holds them."""
    for component in components:
        if not isinstance(component, dict):
            continue
        yield component
        inner = component.get("components")
        yield from walk(inner if isinstance(inner, list) else [])
        for name in ("accessory", "component"):
            held = component.get(name)
            yield from walk([held] if held else [])


def text_of(components: Sequence[Any]) -> str:
    """What the text displays say, a line each."""
    return "\n".join(str(one.get("content", "")) for one in walk(components) if one.get("type") == TEXT)


def controls_of(components: Sequence[Any]) -> list[dict[str, Any]]:
    """What a viewer can press: `id` (custom_id, or the address of a link), `label`, `style`, `disabled`."""
    controls = []
    for one in walk(components):
        if one.get("type") == BUTTON:
            emoji = (one.get("emoji") or {}).get("name") or ""
            controls.append(
                {
                    "id": one.get("custom_id") or one.get("url") or "",
                    "label": one.get("label") or emoji,
                    "style": BUTTON_STYLES.get(one.get("style", 2), "secondary"),
                    "disabled": bool(one.get("disabled")),
                }
            )
        elif one.get("type") in SELECTS:
            controls.append(
                {
                    "id": one.get("custom_id", ""),
                    "label": one.get("placeholder") or "Select",
                    "style": "select",
                    "disabled": bool(one.get("disabled")),
                    "options": [
                        {"value": option.get("value"), "label": option.get("label")}
                        for option in one.get("options") or []
                    ],
                    "kind": SELECT_KINDS[one["type"]],
                    "least": one.get("min_values", 1),
                    "most": one.get("max_values", 1),
                    "chosen": [
                        *(option["value"] for option in one.get("options") or [] if option.get("default")),
                        *(default["id"] for default in one.get("default_values") or []),
                    ],
                }
            )
    return controls


def check_message(form: Form, components: list[Any], *, v2: bool) -> list[Json]:
    """The components of a message, numbered as Discord numbers them. Raises Refusal(500) beyond the byte limit."""
    path: Path = ("components",)
    if not v2 and len(components) > 5:
        form.wrong(path, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
        return []
    total = sum(1 for _ in walk(components))
    if total > COUNT_MAX:
        form.wrong(path, "COMPONENT_MAX_COUNT", f"Must have {COUNT_MAX} or fewer components in total.")
        return []
    seen: set[str] = set()
    for index, component in enumerate(components):
        _check(form, component, (*path, index), V2_TOP if v2 else (ACTION_ROW,), seen)
    text = "".join(str(one.get("content", "")) for one in walk(components) if one.get("type") == TEXT)
    if len(text) > TEXT_MAX:
        form.wrong(
            path,
            "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
            f"The combined displayable text of all components exceeds the maximum size of {TEXT_MAX}",
        )
    elif len(text.encode("utf-8", "replace")) > BYTES_MAX:
        raise Refusal(0, status=500, message="500: Internal Server Error")
    if form.errors:
        return []
    return _numbered(components)


def _numbered(components: list[Any]) -> list[Json]:
    """Copies with ids: those that were given stay, others are counted from 1."""
    taken = {one["id"] for one in walk(components) if isinstance(one.get("id"), int)}
    following = iter(number for number in range(1, 10_000) if number not in taken)

    def number(component: Json) -> Json:
        copy: Json = {**component, "id": component.get("id") or next(following)}
        if isinstance(copy.get("components"), list):
            copy["components"] = [number(inner) for inner in copy["components"]]
        if isinstance(copy.get("accessory"), dict):
            copy["accessory"] = number(copy["accessory"])
        return copy

    return [number(component) for component in components]


def _check(form: Form, component: Any, path: Path, allowed: Sequence[int], seen: set[str]) -> None:
    if not isinstance(component, dict):
        form.wrong(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
        return
    kind = component.get("type")
    if kind is None:
        form.wrong((*path, "type"), "BASE_TYPE_REQUIRED", "This field is required")
        return
    if isinstance(kind, bool) or kind not in allowed:
        choices = ", ".join(str(one) for one in allowed)
        form.wrong(
            (*path, "type"), "UNION_TYPE_CHOICES", f'Value of field "type" must be one of ({choices},).'
        )
        return
    if kind == ACTION_ROW:
        _check_row(form, component, path, seen)
    elif kind == BUTTON:
        _check_button(form, component, path, seen)
    elif kind in SELECTS:
        _check_select(form, component, path, seen)
    elif kind == TEXT:
        # One display alone may say no more than all of them together; the sum is checked by the caller.
        form.text(component.get("content"), (*path, "content"), most=TEXT_MAX, least=1)
    elif kind == SECTION:
        inner = form.items(component.get("components"), (*path, "components"), most=3)
        if not inner:
            form.wrong((*path, "components"), "BASE_TYPE_REQUIRED", "This field is required")
        for index, one in enumerate(inner):
            _check(form, one, (*path, "components", index), (TEXT,), seen)
        _check(form, component.get("accessory") or {}, (*path, "accessory"), (BUTTON, THUMBNAIL), seen)
    elif kind == CONTAINER:
        inner = form.items(component.get("components"), (*path, "components"), most=COUNT_MAX)
        for index, one in enumerate(inner):
            _check(form, one, (*path, "components", index), IN_CONTAINER, seen)


def _check_row(form: Form, row: Json, path: Path, seen: set[str]) -> None:
    inner = form.items(row.get("components"), (*path, "components"), most=5)
    if not inner:
        form.wrong((*path, "components"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
        return
    kinds = [one.get("type") if isinstance(one, dict) else None for one in inner]
    if len(inner) > 1 and any(kind in SELECTS for kind in kinds):
        form.wrong(
            (*path, "components"),
            "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
            "The specified component exceeds the maximum width",
        )
        return
    for index, one in enumerate(inner):
        _check(form, one, (*path, "components", index), (BUTTON, *SELECTS), seen)


def _custom_id(form: Form, component: Json, path: Path, seen: set[str]) -> None:
    custom_id = form.text(component.get("custom_id"), (*path, "custom_id"), least=1, most=100)
    if custom_id and custom_id in seen:
        form.wrong(
            (*path, "custom_id"), "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated"
        )
    seen.add(custom_id)


def _emoji(form: Form, component: Json, path: Path) -> None:
    emoji = form.object(component.get("emoji"), (*path, "emoji"))
    form.text(emoji.get("name"), (*path, "emoji", "name"), most=100)
    if emoji.get("id") is not None:
        form.snowflake(emoji["id"], (*path, "emoji", "id"))


def _check_button(form: Form, button: Json, path: Path, seen: set[str]) -> None:
    style = form.number(button.get("style"), (*path, "style"))
    if style not in BUTTON_STYLES:
        form.wrong((*path, "style"), "BASE_TYPE_CHOICES", "Value must be one of (1, 2, 3, 4, 5, 6).")
    label = form.text(button.get("label"), (*path, "label"), most=80)
    _emoji(form, button, path)
    form.flag(button.get("disabled"), (*path, "disabled"))
    if style == 5:
        url = form.text(button.get("url"), (*path, "url"), least=1, most=512)
        if url and not url.startswith(("http://", "https://", "discord://")):
            form.wrong((*path, "url"), "URL_TYPE_INVALID_URL", "Not a well formed URL.")
        if button.get("custom_id"):
            form.wrong(
                path,
                "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
                "A custom id and url cannot both be specified",
            )
    elif style != 6:
        if button.get("url"):
            form.wrong(
                path,
                "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
                "A custom id and url cannot both be specified",
            )
        _custom_id(form, button, path, seen)
    if style != 6 and not label and not button.get("emoji"):
        form.wrong(
            (*path, "label"), "BUTTON_COMPONENT_INVALID_LABEL", "A button must have a label or an emoji"
        )


def _check_select(form: Form, select: Json, path: Path, seen: set[str]) -> None:
    _custom_id(form, select, path, seen)
    form.text(select.get("placeholder"), (*path, "placeholder"), most=150)
    form.flag(select.get("disabled"), (*path, "disabled"))
    if select.get("type") != SELECT:
        return
    options = form.items(select.get("options"), (*path, "options"), most=25)
    if not options:
        form.wrong((*path, "options"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 25 in length.")
    values: set[str] = set()
    for index, raw in enumerate(options):
        at = (*path, "options", index)
        option = form.object(raw, at)
        form.text(option.get("label"), (*at, "label"), least=1, most=100)
        value = form.text(option.get("value"), (*at, "value"), least=1, most=100)
        form.text(option.get("description"), (*at, "description"), most=100)
        _emoji(form, option, at)
        if value in values:
            form.wrong(
                (*at, "value"),
                "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                "The specified option value is already used",
            )
        values.add(value)


def check_modal(data: Json) -> list[Json]:
    """A modal: custom_id, a title of at most 45, and one to five components. Returns its fields in order.

    Both ways of writing it are taken: text inputs in action rows (older), and labels that hold an input.
    """
    form = Form()
    seen: set[str] = set()
    form.text(data.get("custom_id"), ("data", "custom_id"), least=1, most=100)
    form.text(data.get("title"), ("data", "title"), least=1, most=45)
    rows = form.items(data.get("components"), ("data", "components"), most=5)
    if not rows:
        form.wrong(("data", "components"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    fields: list[Json] = []
    for index, raw in enumerate(rows):
        at: Path = ("data", "components", index)
        row = form.object(raw, at)
        kind = row.get("type")
        if kind not in (ACTION_ROW, TEXT, LABEL):
            form.wrong(
                (*at, "type"), "UNION_TYPE_CHOICES", 'Value of field "type" must be one of (1, 10, 18).'
            )
            continue
        if kind == TEXT:
            continue
        held = (
            row.get("component")
            if kind == LABEL
            else (form.items(row.get("components"), at, most=1) or [None])[0]
        )
        inner = form.object(held, at)
        _custom_id(form, inner, at, seen)
        if kind == LABEL:
            form.text(row.get("label"), (*at, "label"), least=1, most=45)
        else:
            form.text(inner.get("label"), (*at, "label"), least=1, most=45)
        most = form.number(inner.get("max_length"), (*at, "max_length"), default=4000)
        form.number(inner.get("min_length"), (*at, "min_length"))
        form.flag(inner.get("required"), (*at, "required"))
        if inner.get("type") == INPUT and not 1 <= most <= 4000:
            form.wrong(
                (*at, "max_length"), "NUMBER_TYPE_MAX", "int value should be less than or equal to 4000."
            )
        form.text(inner.get("value"), (*at, "value"), most=max(1, min(most, 4000)))
        fields.append(
            {
                **inner,
                "label": row.get("label") or inner.get("label"),
                "row": row.get("id") or index + 1,
                "in": kind,
            }
        )
    form.refuse_if_wrong()
    return fields
