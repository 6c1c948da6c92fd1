"""What the API refuses, and with which words. Law: a body that this lets through is one that the API answers.

Only what a chat client can get wrong is checked; fields that are not known are ignored, as a compatible server
ignores them. The sentences are the API's where people have quoted them, else in its manner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.claude import models
from sandbox.claude.models import EFFORTS, Effort, Model

MAX_BODY = 32 * 1024 * 1024  # the documented limit of a request to /v1/messages

# Status -> the `type` of the error's body (the provider's page on errors; 422 and 503 as the SDK's classes have them).
ERROR_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
MESSAGES: Mapping[int, str] = {
    401: "invalid x-api-key",
    402: "There is an issue with your organization's billing or payment information.",
    403: "Your API key does not have permission to use the specified resource.",
    404: "The requested resource could not be found.",
    409: "The request conflicts with the current state of the resource.",
    413: "Request exceeds the maximum size",
    422: "The request could not be processed.",
    429: "This request would exceed your organization's rate limit.",
    500: "Internal server error",
    503: "Service temporarily unavailable",
    504: "Request timed out",
    529: "Overloaded",
}


class Refusal(Exception):
    """The API answers this request with an HTTP error."""

    def __init__(
        self,
        status: int,
        message: str = "",
        *,
        error: str = "",
        error_code: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.status = status
        self.error = error or ERROR_TYPES.get(
            status, "api_error" if status >= 500 else "invalid_request_error"
        )
        self.message = message or MESSAGES.get(status, "Error")
        self.error_code = error_code
        self.retry_after = retry_after
        super().__init__(f"{status} {self.error}: {self.message}")

    def body(self, request_id: str) -> dict[str, Any]:
        details = {"error_code": self.error_code} if self.error_code else None
        error = {"type": self.error, "message": self.message, "details": details}
        return {"type": "error", "error": error, "request_id": request_id}


@dataclass(frozen=True, slots=True)
class Checked:
    """What the answer depends on, read from a body that was accepted."""

    model: Model
    max_tokens: int
    thinks: bool
    display: str  # "omitted" or "summarized"
    stops: tuple[str, ...]


def check(body: Mapping[str, Any], *, version: str, counting: bool = False) -> Checked:
    """Raises Refusal where the API would. `counting`: the body of count_tokens, which has no max_tokens."""
    model = _model(body)
    max_tokens = 0 if counting else _max_tokens(body, model)
    for block in blocks(body.get("system")):
        if block.get("type") == "text" and not block.get("text"):
            raise Refusal(400, "system: text content blocks must be non-empty")
    _messages(body, model)
    _sampling(body, model, version)
    effort = _effort(body, model)
    thinks, display = _thinking(body, model, effort, max_tokens)
    _tools(body, model)
    stops = body.get("stop_sequences") or []
    if not isinstance(stops, list) or not all(isinstance(stop, str) and stop.strip() for stop in stops):
        raise Refusal(400, "stop_sequences: each stop sequence must contain non-whitespace")
    return Checked(model, max_tokens, thinks, display, tuple(stops))


def blocks(content: Any) -> list[Mapping[str, Any]]:
    """A message's content as a list of blocks: a plain string is one block of text."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if isinstance(block, Mapping)] if isinstance(content, list) else []


def _model(body: Mapping[str, Any]) -> Model:
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise Refusal(400, "model: Field required")
    model = models.find(name)
    if model is None or model.lifecycle == "retired":
        raise Refusal(404, f"model: {name}")
    return model


def _max_tokens(body: Mapping[str, Any], model: Model) -> int:
    if "max_tokens" not in body:
        raise Refusal(400, "max_tokens: Field required")
    value = body["max_tokens"]
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refusal(400, "max_tokens: Input should be a valid integer")
    if value < 0:
        raise Refusal(400, "max_tokens: Input should be greater than or equal to 0")
    if value > model.output:
        raise Refusal(
            400,
            f"max_tokens: {value} > {model.output}, which is the maximum allowed number of output tokens for {model.id}",
        )
    return value


def _messages(body: Mapping[str, Any], model: Model) -> None:
    if "messages" not in body:
        raise Refusal(400, "messages: Field required")
    messages = body["messages"]
    if not isinstance(messages, list):
        raise Refusal(400, "messages: Input should be a valid list")
    if not messages:
        raise Refusal(400, "messages: at least one message is required")
    for index, message in enumerate(messages):
        _message(message, index, model)
    if messages[0]["role"] != "user":
        raise Refusal(400, 'messages: first message must use the "user" role')
    _pairs(messages)
    last = messages[-1]
    if last["role"] == "assistant" and not model.prefill and not _paused(last):
        raise Refusal(
            400,
            "This model does not support assistant message prefill. The conversation must end with a user message.",
        )
    if last["role"] == "assistant" and isinstance(last["content"], str) and last["content"][-1].isspace():
        raise Refusal(400, "messages: final assistant content cannot end with trailing whitespace")


def _message(message: Any, index: int, model: Model) -> None:
    where = f"messages.{index}"
    if not isinstance(message, Mapping):
        raise Refusal(400, f"{where}: Input should be a valid dictionary")
    role = message.get("role")
    if role not in ("user", "assistant", "system"):
        raise Refusal(400, f"{where}.role: Input should be 'user', 'assistant' or 'system'")
    if role == "system" and not model.system_turns:
        raise Refusal(400, f"{where}: role 'system' is not supported on this model")
    content = message.get("content")
    if "content" not in message:
        raise Refusal(400, f"{where}.content: Field required")
    if not isinstance(content, (str, list)):
        raise Refusal(400, f"{where}.content: Input should be a valid string or list")
    if not content:
        raise Refusal(
            400,
            f"{where}: all messages must have non-empty content except for the optional final assistant message",
        )
    for place, block in enumerate(content if isinstance(content, list) else []):
        if not isinstance(block, Mapping) or not isinstance(block.get("type"), str):
            raise Refusal(400, f"{where}.content.{place}.type: Field required")
        if role == "assistant" and block["type"] == "document":
            raise Refusal(
                400, f"{where}.content.{place}: `document` blocks are not allowed in assistant messages"
            )
        if role == "user" and block["type"] == "text" and block.get("citations"):
            raise Refusal(400, f"{where}.content.{place}.citations: must be empty on user text blocks")
    for block in blocks(content):
        if block["type"] == "text":
            text = block.get("text")
            if not isinstance(text, str):
                raise Refusal(400, f"{where}.content: text blocks must have a string `text`")
            if not text:
                raise Refusal(400, "messages: text content blocks must be non-empty")
            if not text.strip():
                raise Refusal(400, "messages: text content blocks must contain non-whitespace text")


def _pairs(messages: Sequence[Mapping[str, Any]]) -> None:
    """Every tool_use has its tool_result in the next message, and no tool_result stands alone."""
    for index, message in enumerate(messages):
        here = blocks(message["content"])
        called = [str(block.get("id")) for block in here if block["type"] == "tool_use"]
        after = blocks(messages[index + 1]["content"]) if index + 1 < len(messages) else []
        answered = {str(block.get("tool_use_id")) for block in after if block["type"] == "tool_result"}
        missing = [id_ for id_ in called if id_ not in answered]
        if missing:
            raise Refusal(
                400,
                f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the "
                "next message.",
            )
        before = blocks(messages[index - 1]["content"]) if index else []
        known = {str(block.get("id")) for block in before if block["type"] == "tool_use"}
        for place, block in enumerate(here):
            if block["type"] == "tool_result" and str(block.get("tool_use_id")) not in known:
                raise Refusal(
                    400,
                    f"messages.{index}.content.{place}: unexpected `tool_use_id` found in `tool_result` blocks: "
                    f"{block.get('tool_use_id')}. Each `tool_result` block must have a corresponding `tool_use` block "
                    "in the previous message.",
                )


def _paused(message: Mapping[str, Any]) -> bool:
    """Whether an assistant message is a paused turn handed back, which the API goes on with."""
    return any(block["type"] == "server_tool_use" for block in blocks(message["content"]))


def _sampling(body: Mapping[str, Any], model: Model, version: str) -> None:
    for name in ("temperature", "top_p", "top_k"):
        # Since API version 2026-10-21 they are refused even at their default values.
        if name in body and (version >= "2026-10-21" or not model.sampling):
            raise Refusal(
                400, f"{name}: sampling parameters are not supported. Remove `{name}` from the request."
            )


def _effort(body: Mapping[str, Any], model: Model) -> Effort:
    config = body.get("output_config") or {}
    if not isinstance(config, Mapping):
        raise Refusal(400, "output_config: Input should be a valid dictionary")
    effort: Effort = config.get("effort") or model.effort
    if effort not in EFFORTS:
        raise Refusal(400, f"output_config.effort: Input should be one of {', '.join(EFFORTS)}")
    return effort


def _thinking(body: Mapping[str, Any], model: Model, effort: Effort, max_tokens: int) -> tuple[bool, str]:
    config = body.get("thinking")
    default = "omitted" if model.omits else "summarized"
    if config is None:
        return model.thinks, default
    if not isinstance(config, Mapping) or "type" not in config:
        raise Refusal(400, "thinking.type: Field required")
    kind = config["type"]
    if kind not in models.THINKING_TYPES:
        raise Refusal(400, f"thinking.type: Input should be one of {', '.join(models.THINKING_TYPES)}")
    if kind not in model.thinking:
        other = "between_tools" if kind == "disabled" and "between_tools" in model.thinking else "adaptive"
        raise Refusal(
            400,
            f'"thinking.type.{kind}" is not supported for this model. '
            f'Use "thinking.type.{other}" and "output_config.effort" to control thinking behavior.',
        )
    resting = kind in ("disabled", "between_tools")
    if resting and EFFORTS.index(effort) > EFFORTS.index(model.quiet_effort):
        raise Refusal(400, f'"thinking.type.{kind}" is not supported at effort "{effort}" for this model.')
    if kind == "enabled":
        budget = config.get("budget_tokens")
        if not isinstance(budget, int) or budget < 1024:
            raise Refusal(
                400, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
            )
        if max_tokens and budget >= max_tokens:
            raise Refusal(400, "`max_tokens` must be greater than `thinking.budget_tokens`")
    display = config.get("display")
    if display is not None and display not in ("summarized", "omitted", "updates"):
        raise Refusal(400, "thinking.display: Input should be 'summarized' or 'omitted'")
    # The short notes between tools come with their words: that is what this type is for.
    if kind == "between_tools":
        return False, "summarized"
    return not resting, "summarized" if display in ("summarized", "updates") else display or default


def _tools(body: Mapping[str, Any], model: Model) -> None:
    tools = body.get("tools") or []
    if not isinstance(tools, list) or not all(isinstance(tool, Mapping) for tool in tools):
        raise Refusal(400, "tools: Input should be a valid list")
    names = [str(tool["name"]) for tool in tools if "name" in tool]
    if len(set(names)) != len(names):
        raise Refusal(400, "tools: Tool names must be unique.")
    choice = body.get("tool_choice")
    if isinstance(choice, Mapping) and choice.get("type") in ("any", "tool") and not model.forced_tools:
        raise Refusal(
            400, f'tool_choice: forced tool use (type "{choice["type"]}") is not supported for this model.'
        )
