"""Taking away what is ours: a message, or a file with its message. Law: what is gone already counts as done."""

from __future__ import annotations

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.outcomes import Failure, outcome
from adapters.slack.web import ask
from bot.ports import Denied, Outcome, Place, Ref, Sent

_NOT_OURS = frozenset({"cant_delete_file", "cant_delete_message", "compliance_exports_prevent_deletion"})
_GONE = frozenset({"file_deleted", "file_not_found", "message_not_found"})


async def remove(client: AsyncWebClient, place: Place, ref: Ref) -> Outcome:
    """One attempt. A file is named by its id, where a message is named by a time (see `Transfer.upload`)."""
    if ref.message.startswith("F"):
        method, call = "files.delete", client.files_delete(file=ref.message)
    else:
        method, call = "chat.delete", client.chat_delete(channel=ref.channel, ts=ref.message)
    answer = await ask(call)
    if not isinstance(answer, Failure) or answer.code in _GONE:
        return Sent(ref)
    if answer.code in _NOT_OURS:
        return Denied(answer.code)
    return outcome(answer, bucket=f"{place.workspace}:{method}")
