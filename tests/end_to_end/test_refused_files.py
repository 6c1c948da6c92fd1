"""A file that Claude refuses, with the real clients: what the asker reads, and what the next question is asked with."""

from __future__ import annotations

import json

import pytest

from sandbox.claude.script import Fault
from tests.claude import papers
from tests.end_to_end.stage import Chat

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bot")]

NO_PDF = "messages.0.content.0.document.source.base64.data: The PDF specified was not valid."


async def test_a_file_that_claude_refuses_silences_no_thread(chat: Chat) -> None:
    """The question is answered and its asker told; the next one is asked without the file, and refused no more."""
    claude = chat.world.claude
    data = papers.pdf()
    files = [("report.pdf", data)] if chat.name == "slack" else [("report.pdf", "application/pdf", data)]
    claude.fault(Fault("http", status=400, message=NO_PDF, times=1))
    asked = f"{chat.server.mention} What is in it, {chat.name}? #chars:300 #speed:2000"
    question = str(await chat.server.say(chat.person(), chat.channel(), asked, files=files))
    shown = await chat.settled(question)
    assert "Left out: report.pdf could not be opened." in shown
    request = await chat.asked(f"What is in it, {chat.name}?")
    assert "report.pdf, which could not be read" in json.dumps(request.body)
    assert shown.startswith(request.said.strip()[:40])
    refused = len(chat.world.record.entries("call", "claude", status=400))
    answer = chat.pages(question)[-1]["message"]
    more = f"{chat.server.mention} And what else, {chat.name}? #chars:300 #speed:2000"
    await chat.server.say(chat.person(), chat.channel(), more, reply_to=answer)
    later = json.dumps((await chat.asked(f"And what else, {chat.name}?")).body)
    assert "report.pdf, which could not be read" in later
    assert '"document"' not in later
    assert len(chat.world.record.entries("call", "claude", status=400)) == refused
