"""The settings as a form, and what comes back from it. Pure. Law: a field that was not submitted does not change, and a
mistake in one field is a sentence about that field alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bot.claude.models import Model
from bot.conversation.preferences import Preferences, Scope
from bot.ports import Panel


def settings_panel(
    scope: Scope,
    above: Preferences,
    changes: Mapping[str, Any],
    models: Sequence[Model],
    *,
    id: str,  # noqa: A002 - Panel.id
    language: str = "",
    without: Collection[str] = (),
) -> Panel:
    """The form of a channel or of a workspace.

    above     what holds where nothing is set here: `resolve(defaults, workspace, {})` for a channel
    changes   what is set here (the store's mapping for this very scope)
    id        comes back in `Submitted.panel`
    without   names of `Preferences` that mean nothing on this platform
    """
    raise NotImplementedError


def changed(
    values: Mapping[str, tuple[str, ...]], scope: Scope, above: Preferences, *, language: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """What a submitted form changes, for `store.preferences.change`: name -> value, None: no longer set here.

    Second: a sentence for each mistake; a field with a mistake is not among the changes. Fields that are not in
    `values`, or not known, change nothing.
    """
    raise NotImplementedError
