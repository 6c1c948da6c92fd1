"""A local Claude: the Messages API on the wire, with answers and faults that a test or a prompt chooses.

Law: what goes over the wire is what the API documents, also where it is an error.

    script.py    PURE   what one answer consists of, and what goes wrong with it
    prompt.py    PURE   `#script:tables #speed:300 #fault:529` in a question
    conversation.py PURE  what was asked, read from a request's messages
    choice.py           which script answers a request
    library.py   PURE   the scripted answers (scripts/*.md), the default answer, prose of an exact length
    stream.py    PURE   a script -> the events of the wire, with the pauses between them
    models.py    PURE   which models there are and what each accepts
    validation.py PURE  what the API refuses, and with which words
    usage.py            tokens and the prompt cache
    budgets.py          the rate limits and their headers
    orders.py    PURE   scripts and faults as JSON
    server.py           the HTTP server; server.ClaudeServer is all that others need
"""

from sandbox.claude.choice import Request
from sandbox.claude.script import (
    Block,
    Fault,
    Piece,
    Script,
    ServerTool,
    Text,
    Thinking,
    ToolUse,
)
from sandbox.claude.server import ClaudeServer

__all__ = [
    "Block",
    "ClaudeServer",
    "Fault",
    "Piece",
    "Request",
    "Script",
    "ServerTool",
    "Text",
    "Thinking",
    "ToolUse",
]
