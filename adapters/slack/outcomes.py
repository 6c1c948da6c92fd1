"""What Slack's answers mean to a reply. Law: pure; every answer ends as data, and an unknown one is never fatal.

The table (sources: the method pages of docs.slack.dev for chat.postMessage and chat.update, the page on rate
limits, and what other bots report):

    answer                                        outcome        why
    HTTP 429, whatever its body                   Refused        the method's budget in this workspace is spent
    "ratelimited", "rate_limited" in any body     Refused        the same, said in another way
    message_not_found, thread_not_found, ...      Gone           somebody deleted it: GONE
    not_in_channel, token_revoked, ...            Denied         the bot may not write here: DENIED
    invalid_blocks, msg_too_long, ...             Rejected       this content will never be taken: REJECTED
    HTTP 5xx, internal_error, fatal_error         Unavailable    Slack's own fault; it may have happened: UNSURE
    any other `ok: false`                         Unavailable    a code we have not met; nothing was applied
    an answer that is not Slack's JSON            Unavailable    a proxy spoke; it may have happened
    no connection                                 Unavailable    surely not sent
    a timeout, a reset, half an answer            Unavailable    it may have happened
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.ports import Denied, Gone, Outcome, Refused, Rejected, Unavailable

REFUSED = frozenset({"ratelimited", "rate_limited"})

GONE = frozenset(
    {
        "channel_deleted",
        "message_deleted",
        "message_not_found",
        "parent_message_deleted",
        "thread_not_found",
    }
)

NO_FEATURE = frozenset(
    {
        "channel_type_not_supported",
        "feature_disabled",
        "feature_not_enabled",
        "http_404",
        "method_deprecated",
        "missing_scope",
        "not_agent_app",
        "not_allowed_token_type",
        "unknown_method",
    }
)
"""This workspace, this app or a server like Slack has no such thing: asking again soon is no use."""

TOKEN_LOST = frozenset(
    {
        "account_inactive",
        "app_access_restricted",
        "app_uninstalled",
        "invalid_auth",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "team_not_found",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
"""The whole bot is turned away, not one channel: `health()` says so as well."""

DENIED = TOKEN_LOST | frozenset(
    {
        "access_denied",
        "cannot_reply_to_message",
        "channel_is_archived",
        "channel_is_limited_access",
        "channel_not_found",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "external_channel_migrating",
        "is_archived",
        "is_inactive",
        "message_limit_exceeded",
        "messages_tab_disabled",
        "missing_scope",
        "no_permission",
        "not_in_channel",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "restricted_action_thread_only_channel",
        "user_is_restricted",
    }
)

REJECTED = frozenset(
    {
        "block_mismatch",
        "cant_update_message",
        "duplicate_channel_not_found",
        "edit_window_closed",
        "invalid_arguments",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "invalid_thread_ts",
        "markdown_text_conflict",
        "message_not_owned_by_app",
        "metadata_must_be_sent_from_app",
        "metadata_too_large",
        "msg_blocks_too_long",
        "msg_blocks_too_many",
        "msg_too_long",
        "no_text",
        "streaming_state_conflict",
        "too_many_attachments",
    }
)

BLOCKS_DISLIKED = frozenset({"invalid_blocks", "invalid_blocks_format", "invalid_attachments"})
"""Slack could not make blocks of this Markdown (two tables, for one): plain sections may still pass."""

NEVER_UPDATED = frozenset(
    {
        "block_mismatch",
        "cant_update_message",
        "edit_window_closed",
        "streaming_state_conflict",
        "update_failed",
    }
)
"""chat.update will never change this message, whatever the content: a stream that is over may be one (`streaming`)."""

EDITS_CLOSED = frozenset({"cant_update_message", "edit_window_closed"})
"""The same, said of any message: the workspace's time for edits is over, or it lets nobody edit."""

NEVER_DELETED = frozenset({"cant_delete_message", "compliance_exports_prevent_deletion"})
"""chat.delete will never take this message away."""

STOPPED_BY_PERSON = frozenset({"stopped_by_user"})
"""Somebody pressed Slack's own stop button of a stream."""

STREAM_OVER = frozenset({"message_not_in_streaming_state"}) | STOPPED_BY_PERSON
"""The message does not stream any more: our own stop, or Slack's seal."""

NO_STREAMS = frozenset(
    {
        "channel_type_not_supported",
        "feature_disabled",
        "feature_not_enabled",
        "http_404",
        "http_405",
        "http_501",
        "messages_tab_disabled",
        "method_deprecated",
        "missing_scope",
        "not_allowed_token_type",
        "unknown_method",
    }
)
"""This workspace or server has no streams for us: it is not asked again for an hour."""

UNSURE = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
"""Documented with "it's possible some aspect of the operation succeeded"."""

DEFAULT_RETRY = 5.0
"""Seconds, where a 429 does not say. Slack documents the header for each 429, so this is for its edge's own
answers; a tier 3 budget has four calls again after 5 s."""

LONGEST_RETRY = 3600.0
"""Seconds. The longest documented window of any budget here is a minute; a header that says more than an hour is
not obeyed to the letter."""

SHORTEST_RETRY = 1.0
"""Seconds. Slack counts in whole seconds: "Retry-After: 0" means less than one, and shall not become a loop."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that did not succeed. `status` is 0 where nothing came back; `code` is Slack's or our own word.

    `retry_after` is None where the answer did not say. `applied` as in `Unavailable`.
    """

    status: int
    code: str
    retry_after: float | None = None
    applied: bool | None = None


def failure(error: Exception) -> Failure:
    """What an exception of the SDK or of aiohttp tells. Never its text, which may hold words and tokens."""
    if isinstance(error, SlackApiError):
        return _answered(error.response)
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return Failure(0, "not_connected", applied=False)
    if isinstance(error, TimeoutError):
        return Failure(0, "timeout")
    if isinstance(error, aiohttp.ClientError | OSError):
        return Failure(0, "connection_lost")
    # The SDK trips over a body that is JSON but not an object, or not text at all.
    return Failure(0, "not_an_answer")


def _answered(response: object) -> Failure:
    """`response` is the SDK's response object, or aiohttp's where the body was not JSON."""
    statuses = (getattr(response, "status_code", None), getattr(response, "status", None))
    status = next((number for number in statuses if isinstance(number, int)), 0)
    headers = getattr(response, "headers", None)
    data = getattr(response, "data", None)
    code = data.get("error") if isinstance(data, Mapping) else None
    if not isinstance(code, str) or not code:
        code = f"http_{status}"
    header = headers.get("Retry-After") if isinstance(headers, Mapping) else None
    spoke = isinstance(data, Mapping) and "error" in data
    applied = False if spoke and status < 500 and code not in UNSURE else None
    return Failure(status, code[:60], seconds(header), applied)


def seconds(header: object) -> float | None:
    """The length that a Retry-After header names; None where it is missing or is no length."""
    if not isinstance(header, str):
        return None
    try:
        value = float(header)
    except ValueError:
        return None
    if not math.isfinite(value) or value < 0:
        return None
    return min(max(value, SHORTEST_RETRY), LONGEST_RETRY)


def outcome(failed: Failure, *, bucket: str) -> Outcome:
    """The failure as the core wants it. `bucket` is the key of the budget that a 429 closes."""
    if failed.status == 429 or failed.code in REFUSED:
        return Refused(DEFAULT_RETRY if failed.retry_after is None else failed.retry_after, bucket)
    if failed.code in GONE:
        return Gone(failed.code)
    if failed.code in DENIED:
        return Denied(failed.code)
    if failed.code in REJECTED:
        return Rejected(failed.code)
    return Unavailable(failed.code, failed.applied, failed.retry_after or 0.0)
