"""Which models there are and what each accepts. Law: a model's line here is what its documentation says of it.

Sources: the provider's model overview, its "what's new" and migration pages of the 5.x models, and the SDK's list
of models (2.12). Where a page was silent the line says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Effort: TypeAlias = Literal["low", "medium", "high", "xhigh", "max"]
EFFORTS: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")
THINKING_TYPES = ("adaptive", "between_tools", "disabled", "enabled")


@dataclass(frozen=True, slots=True)
class Model:
    """What one model accepts.

    thinking        the accepted values of `thinking.type`
    thinks          whether it thinks where the request does not say
    omits           thinking's words are left out where the request does not say
    prefill         an assistant message may come last
    sampling        temperature, top_p and top_k may be sent (on API versions before 2026-10-21)
    forced_tools    tool_choice may be "any" or "tool"
    quiet_effort    the highest effort at which thinking may be turned off
    system_turns    `role: "system"` may stand within the conversation
    """

    id: str
    name: str
    released: str
    thinking: frozenset[str]
    thinks: bool
    context: int = 1_000_000
    output: int = 128_000
    effort: Effort = "high"
    omits: bool = True
    prefill: bool = False
    sampling: bool = False
    forced_tools: bool = True
    quiet_effort: Effort = "max"
    system_turns: bool = True
    lifecycle: Literal["active", "deprecated", "retired"] = "active"
    retires: str | None = None
    cacheable: int = 1024  # tokens, the shortest prefix that is cached

    @property
    def line(self) -> str:
        return self.id.split("-")[1]

    def info(self) -> dict[str, Any]:
        """The model as `GET /v1/models` shows it."""
        yes, no = {"supported": True}, {"supported": False}
        return {
            "type": "model",
            "id": self.id,
            "display_name": self.name,
            "created_at": f"{self.released}T00:00:00Z",
            "lifecycle": self.lifecycle,
            "deprecated_at": None,
            "retires_at": f"{self.retires}T00:00:00Z" if self.retires else None,
            "line": self.line,
            "max_input_tokens": self.context,
            "max_tokens": self.output,
            "capabilities": {
                "batch": yes,
                "citations": yes,
                "code_execution": yes,
                "context_management": {
                    "supported": True,
                    "clear_thinking_20251015": yes,
                    "clear_tool_uses_20250919": yes,
                    "compact_20260112": yes,
                },
                "effort": {"supported": True} | dict.fromkeys(EFFORTS, yes),
                "image_input": yes,
                "pdf_input": yes,
                "server_tools": {"supported": True, "code_execution": yes, "web_search": yes},
                "structured_outputs": yes,
                "thinking": {
                    "supported": True,
                    "types": {name: yes if name in self.thinking else no for name in THINKING_TYPES},
                },
            },
        }


_ALWAYS = frozenset({"adaptive"})
_MAY_REST = frozenset({"adaptive", "disabled"})
_BUDGETS = frozenset({"adaptive", "disabled", "enabled"})
_OLD = frozenset({"disabled", "enabled"})


def _old(identity: str, name: str, released: str, *, retires: str | None = None) -> Model:
    """A model of the 4.5 line: budgets for thinking, prefill and sampling."""
    return Model(
        identity,
        name,
        released,
        _OLD,
        thinks=False,
        context=200_000,
        output=64_000,
        omits=False,
        prefill=True,
        sampling=True,
        system_turns=False,
        lifecycle="deprecated" if retires else "active",
        retires=retires,
        cacheable=4096,
    )


# The order is that of the SDK's list: newest first, as `GET /v1/models` answers.
_ALL = (
    Model("claude-fable-5-2", "Claude Fable 5.2", "2026-11-09", _ALWAYS, thinks=True, forced_tools=False),
    Model("claude-mythos-5-2", "Claude Mythos 5.2", "2026-11-09", _ALWAYS, thinks=True, forced_tools=False),
    # Whether Haiku 5.5 takes between_tools is not documented; its page names adaptive and disabled.
    Model(
        "claude-haiku-5-5",
        "Claude Haiku 5.5",
        "2026-10-07",
        _MAY_REST,
        thinks=True,
        effort="medium",
        quiet_effort="high",
    ),
    Model(
        "claude-sonnet-5-5",
        "Claude Sonnet 5.5",
        "2026-09-28",
        frozenset({"adaptive", "between_tools"}),
        thinks=True,
        forced_tools=False,
        quiet_effort="high",
        cacheable=512,
    ),
    Model("claude-fable-5-1", "Claude Fable 5.1", "2026-08-24", _ALWAYS, thinks=True, forced_tools=False),
    Model(
        "claude-opus-5-5",
        "Claude Opus 5.5",
        "2026-08-24",
        _ALWAYS,
        thinks=True,
        forced_tools=False,
        effort="medium",
    ),
    Model("claude-mythos-5-1", "Claude Mythos 5.1", "2026-08-24", _ALWAYS, thinks=True, forced_tools=False),
    Model("claude-sonnet-5", "Claude Sonnet 5", "2026-06-30", _MAY_REST, thinks=True),
    # That Fable 5 and Mythos 5 always think is inferred from their successors.
    Model("claude-fable-5", "Claude Fable 5", "2026-06-30", _ALWAYS, thinks=True, cacheable=512),
    Model("claude-mythos-5", "Claude Mythos 5", "2026-06-30", _ALWAYS, thinks=True),
    Model(
        "claude-opus-5",
        "Claude Opus 5",
        "2026-06-30",
        _MAY_REST,
        thinks=True,
        quiet_effort="high",
        cacheable=512,
    ),
    Model("claude-opus-4-8", "Claude Opus 4.8", "2026-05-28", _MAY_REST, thinks=False),
    Model("claude-opus-4-7", "Claude Opus 4.7", "2026-04-16", _MAY_REST, thinks=False, system_turns=False),
    Model(
        "claude-mythos-preview",
        "Claude Mythos Preview",
        "2026-04-07",
        _BUDGETS,
        thinks=True,
        system_turns=False,
        lifecycle="retired",
        retires="2026-06-30",
    ),
    Model(
        "claude-opus-4-6",
        "Claude Opus 4.6",
        "2026-02-05",
        _BUDGETS,
        thinks=False,
        omits=False,
        sampling=True,
        system_turns=False,
        cacheable=4096,
    ),
    Model(
        "claude-sonnet-4-6",
        "Claude Sonnet 4.6",
        "2026-02-17",
        _BUDGETS,
        thinks=False,
        output=64_000,
        omits=False,
        sampling=True,
        system_turns=False,
    ),
    _old("claude-haiku-4-5-20251001", "Claude Haiku 4.5", "2025-10-01"),
    _old("claude-opus-4-5-20251101", "Claude Opus 4.5", "2025-11-01"),
    _old("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", "2025-09-29", retires="2026-11-30"),
)
MODELS: dict[str, Model] = {model.id: model for model in _ALL}
_ALIASES = {
    "claude-haiku-4-5": "claude-haiku-4-5-20251001",
    "claude-opus-4-5": "claude-opus-4-5-20251101",
    "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
}


def find(id: str) -> Model | None:  # noqa: A002  # the API's own word for it
    """The model of that id or alias; None for one that nobody knows."""
    return MODELS.get(_ALIASES.get(id, id))
