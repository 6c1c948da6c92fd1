"""What can go wrong between us and Claude. Law: every fault has a kind, a sentence, and an answer to "try again?".

The table of what the SDK raises was measured on version 2.12: an error event inside a stream arrives as a plain
`APIStatusError` with status 200 and the real type in `.type`; a connection that breaks inside a stream arrives as a
raw `httpx2` error (anthropic-sdk-python issues 1918 and 1919), a malformed line as `ValueError`.

    ClaudeFault         .sentence for people, .retryable, .retry_after, .kind for the log
"""

from __future__ import annotations

import anthropic
import httpx2

from bot import sentences
from bot.translations import say, wait


class ClaudeFault(Exception):
    """Claude's answer did not come, or did not come whole.

    kind         one word for logs and metrics: "overloaded_error", "ReadTimeout", "no_message_stop"
    sentence     what the person in the thread is told, in English; `told` says it in another language
    retryable    the same request may succeed later; only of use before the first text
    retry_after  seconds the service asked us to wait; 0.0 where it named none
    request_id   Claude's id of the request, "" if unknown
    """

    def __init__(
        self,
        kind: str,
        sentence: str,
        *,
        retryable: bool = False,
        retry_after: float = 0.0,
        request_id: str = "",
        detail: str = "",
    ) -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind
        self.sentence = sentence
        self.retryable = retryable
        self.retry_after = retry_after
        self.request_id = request_id
        self.detail = detail

    def told(self, language: str) -> str:
        """The sentence, in the language of whoever asked."""
        if self.sentence == sentences.RATE_LIMITED:
            return say(language, self.sentence, wait=wait(language, self.retry_after or _USUAL_WAIT))
        return say(language, self.sentence)


_USUAL_WAIT = 60.0  # seconds, where a rate limit names none

# Claude's error types -> what to say, and whether the same request may succeed later.
_BY_TYPE: dict[str, tuple[str, bool]] = {
    "overloaded_error": (sentences.BUSY, True),
    "rate_limit_error": (sentences.RATE_LIMITED, True),
    "api_error": (sentences.FAILED, True),
    "timeout_error": (sentences.FAILED, True),
    "conflict_error": (sentences.FAILED, True),
    "authentication_error": (sentences.BAD_KEY, False),
    "permission_error": (sentences.BAD_KEY, False),
    "billing_error": (sentences.NO_CREDIT, False),
    "not_found_error": (sentences.NO_MODEL, False),
    "request_too_large": (sentences.TOO_LARGE, False),
    "invalid_request_error": (sentences.BAD_REQUEST, False),
}

REFUSED = "invalid_request_error"

# Where the body names no type (a proxy answered, say), the status decides.
_BY_STATUS: dict[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


# Everything that the SDK and the transport raise around one call.
RAISED = (anthropic.APIError, httpx2.HTTPError, ValueError)


def from_exception(error: Exception, *, begun: bool) -> ClaudeFault:
    """The fault behind whatever the SDK raised. `begun`: text had already come."""
    if isinstance(error, anthropic.APIStatusError):
        return _from_status(error)
    if isinstance(error, anthropic.APITimeoutError | httpx2.TimeoutException):
        said = sentences.WENT_QUIET if begun else sentences.UNREACHABLE
        return ClaudeFault(type(error).__name__, said, retryable=True)
    if isinstance(error, anthropic.APIConnectionError | httpx2.HTTPError):
        said = sentences.BROKEN_OFF if begun else sentences.UNREACHABLE
        return ClaudeFault(type(error).__name__, said, retryable=True)
    # A line that is not JSON, or JSON that is no event. Its text may be somebody's words: only its class is kept.
    said = sentences.BROKEN_OFF if begun else sentences.FAILED
    return ClaudeFault(type(error).__name__, said, retryable=True)


def ended_early(*, begun: bool) -> ClaudeFault:
    """The body ended without `message_stop`: no exception comes, and the text looks whole, but is not."""
    return ClaudeFault("no_message_stop", sentences.BROKEN_OFF if begun else sentences.FAILED, retryable=True)


def went_quiet(*, begun: bool, heard: bool) -> ClaudeFault:
    """Our own limit: no event of the model's for too long, though the line may be alive. `heard`: it had begun to
    work, which is billed, so it is not asked again unseen.
    """
    said = sentences.WENT_QUIET if begun else sentences.NEVER_SPOKE if heard else sentences.UNREACHABLE
    return ClaudeFault("silence", said, retryable=not heard)


def _from_status(error: anthropic.APIStatusError) -> ClaudeFault:
    kind = error.type or _BY_STATUS.get(error.status_code, "api_error")
    sentence, retryable = _BY_TYPE.get(kind, (sentences.FAILED, error.status_code >= 500))
    retry_after = _retry_after(error.response)
    return ClaudeFault(
        kind,
        sentence,
        retryable=retryable,
        retry_after=retry_after,
        request_id=error.request_id or "",
        detail=f"HTTP {error.status_code}",
    )


def _retry_after(response: httpx2.Response) -> float:
    """Seconds, from `retry-after-ms` or `retry-after`; 0.0 where absent or unreadable."""
    for header, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            value = float(response.headers.get(header, "")) * unit
        except ValueError:
            continue
        if 0 <= value < 1e6:
            return value
    return 0.0
