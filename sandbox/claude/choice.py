"""Which script answers a request. Law: the order is always the same, and a fault strikes as often as it says.

    1. the test's own `respond`       2. the queue       3. the rest of an earlier answer, where the client
    asks to go on with it             4. the words of the question, else the default answer

Faults of the queue and of the question come on top of whichever script was chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.claude import conversation, library, prompt
from sandbox.claude.script import Fault, Piece, Script, Thinking


@dataclass(eq=False)
class Request:
    """One POST /v1/messages. `said` is the text so far, `ended` why it is over ("" while it is going on).

    `script` is the answer as it would have been without faults; `status` the HTTP status (0 before it is known).
    Keys are not among the `headers`.
    """

    number: int
    id: str
    at: float
    body: dict[str, Any]
    headers: dict[str, str]
    script: Script = field(default_factory=Script)
    status: int = 0
    said: str = ""
    ended: str = ""

    @property
    def question(self) -> str:
        """The text of the last user message that has any."""
        return conversation.question(self.messages)

    @property
    def messages(self) -> list[dict[str, Any]]:
        messages = self.body.get("messages")
        return [one for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream"))

    def hear(self, text: str) -> None:
        """Add to `said`; the two halves of an emoji that came in two deltas become one character."""
        self.said += text
        if "\ud800" <= text[:1] <= "\udfff":
            self.said = self.said.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


@dataclass
class _Queued:
    piece: Piece
    when: str
    left: int  # requests that it still meets; 0: all


class Choice:
    """The queue, the hook, and how often each fault of a question has struck."""

    def __init__(self) -> None:
        self.respond: Callable[[Request], Script | None] | None = None
        self._queue: list[_Queued] = []
        self._struck: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        return len(self._queue)

    def queue(self, piece: Piece, when: str) -> None:
        self._queue.append(_Queued(piece, when, piece.times if isinstance(piece, Fault) else 1))

    def clear(self) -> None:
        self._queue.clear()
        self._struck.clear()

    def choose(self, asked: Request, earlier: Sequence[Request], *, thinking: float | None) -> Script:
        """The script with its faults. `thinking`: how long the model thinks where it thinks, None where it does not."""
        wishes = prompt.read(asked.question)
        script = self.respond(asked) if self.respond is not None else None
        # A test that answers this request itself has not used up what is queued for others.
        queued, faults = self._take(asked.question, answered=script is not None)
        script = script or queued
        going_on = None if script is not None else _continued(asked, earlier)
        script = script or going_on or _scripted(asked, wishes, thinking)
        # A fault belongs to the answer of its question, not to what is left of that answer.
        for word, fault in wishes.faults if going_on is None else ():
            key = (asked.question, word)
            self._struck[key] = self._struck.get(key, 0) + 1
            if not fault.times or self._struck[key] <= fault.times:
                faults.append(fault)
        asked.script = replace(script, faults=())
        return replace(script, faults=(*script.faults, *faults))

    def _take(self, question: str, *, answered: bool) -> tuple[Script | None, list[Fault]]:
        """The first queued answer and the first queued fault, in whichever order, that this question meets.

        A fault behind an answer is for a later request: `script("one", Fault(...), "two")` answers "one", fails
        once, and then answers "two".
        """
        script: Script | None = None
        faults: list[Fault] = []
        for queued in tuple(self._queue):
            if queued.when not in question:
                continue
            if isinstance(queued.piece, Fault):
                if script is None:
                    faults.append(queued.piece)
                    self._spend(queued)
                break
            if not answered:
                script = Script.say(queued.piece) if isinstance(queued.piece, str) else queued.piece
                self._spend(queued)
            break
        return script, faults

    def _spend(self, queued: _Queued) -> None:
        queued.left -= 1
        if queued.left == 0:
            self._queue.remove(queued)


def _continued(asked: Request, earlier: Sequence[Request]) -> Script | None:
    """What is left of an earlier answer that the client wants to be continued."""
    tail = conversation.left_at(asked.messages)
    if not tail:
        return None
    here = {conversation.words(message) for message in asked.messages if message.get("role") == "user"}
    for one in reversed(earlier):
        if one is asked or one.question not in here:
            continue
        said = conversation.rest_of(one.script.text, tail)
        if said is not None:
            # The newest that has these words is the one that was meant. Where it has said all, something new is asked:
            # answers of any length begin alike, and an older, longer one would go on with words of its own.
            return one.script.after(said) if said < len(one.script.text) else None
    return None


def _scripted(asked: Request, wishes: prompt.Wishes, thinking: float | None) -> Script:
    tools = [tool for tool in asked.body.get("tools") or [] if isinstance(tool, Mapping)]
    script = library.choose(asked.question, wishes, turn=conversation.turn(asked.messages), tools=tools)
    if thinking is None or not script.blocks or any(isinstance(block, Thinking) for block in script.blocks):
        return script
    thought = Thinking("Let me see what is being asked here, and what would help most.", seconds=thinking)
    return replace(script, blocks=(thought, *script.blocks))
