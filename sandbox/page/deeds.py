"""What a viewer does on the page. Law: a deed that cannot be done is answered with a sentence and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, get_args

from sandbox.limits import Shape
from sandbox.page.hands import DiscordHands, SlackHands
from sandbox.page.servers import PLATFORMS, ChatServer, PlatformName, platform_of
from sandbox.page.view import View

MOST_TEXT: Final = (
    100_000  # a question may be this long; what the platform says to that is the platform's affair
)
MOST_VALUES: Final = 200  # picked in a form, or files in a message
CROWD: Final = 10
SCALES: Final = (0.05, 1000.0)
SPEEDS: Final = (1.0, 100_000.0)

# Ten people at once: each question chooses a one-page answer of the local Claude and reads like a question to a real one.
QUESTIONS: Final = (
    "How does a token bucket work? #chars:1500",
    "Compare SQLite and Postgres for a small service. #script:tables",
    "Show me the same function in three languages. #script:code",
    "What did Ada Lovelace write about the Analytical Engine? #chars:1200",
    "Plan a week of lunches, as nested lists. #script:lists",
    "Why is the sky blue? #chars:900",
    "Explain back-pressure to a barista. #chars:1600",
    "What is a good first issue for a newcomer? #chars:1100",
    "How do I read a flame graph? #chars:1400",
    "Tell a short story about a river. #chars:1300",
)


class DeedError(ValueError):
    """The deed cannot be done; the message is for the person who tried."""


async def do(view: View, deed: Any) -> Any:
    """Do one deed; returns what its answer carries (a message id, or None). Raises DeedError."""
    if not isinstance(deed, Mapping):
        raise DeedError("a deed is a JSON object")
    name = deed.get("do")
    act = DEEDS.get(name) if isinstance(name, str) else None
    if act is None:
        raise DeedError(f"the page knows no deed {name!r}; there are {', '.join(DEEDS)}")
    try:
        return await act(view, deed)
    except (LookupError, ValueError, PermissionError) as error:
        # The servers refuse in such errors: an unknown channel, somebody else's message, an empty text.
        words = error.args[0] if error.args else type(error).__name__
        raise DeedError(str(words)) from error


def _word(deed: Mapping[str, Any], name: str, *, default: str | None = None) -> str:
    value = deed.get(name, default)
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise DeedError(f"{name} is missing")
    if len(value) > MOST_TEXT:
        raise DeedError(f"{name} is longer than {MOST_TEXT:,} characters")
    return value


def _number(deed: Mapping[str, Any], name: str, bounds: tuple[float, float]) -> float:
    value = deed.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not bounds[0] <= value <= bounds[1]:
        raise DeedError(f"{name} is a number from {bounds[0]:g} to {bounds[1]:g}")
    return float(value)


def _server(view: View, deed: Mapping[str, Any]) -> ChatServer:
    name = deed.get("platform")
    platform: PlatformName
    for platform in PLATFORMS:
        if platform == name:
            return platform_of(view.world, platform)
    raise DeedError(f"platform is {' or '.join(PLATFORMS)}, not {name!r}")


def _list(deed: Mapping[str, Any], name: str) -> list[str]:
    value = deed.get(name, [])
    if not isinstance(value, list) or len(value) > MOST_VALUES or not all(isinstance(v, str) for v in value):
        raise DeedError(f"{name} is a list of at most {MOST_VALUES} words")
    return value


def _values(deed: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """What was filled in: {field: a text, or a list of what was picked}."""
    values = deed.get("values")
    if not isinstance(values, Mapping) or len(values) > MOST_VALUES:
        raise DeedError("values is an object")
    return {
        str(name): _list(values, name) if isinstance(value, list) else _word(values, name, default="")
        for name, value in values.items()
    }


def _hands(view: View, deed: Mapping[str, Any]) -> SlackHands | DiscordHands:
    name = deed.get("platform")
    if name == "slack":
        return SlackHands(view.world.slack)
    if name == "discord":
        return DiscordHands(view.world.discord)
    raise DeedError(f"platform is {' or '.join(PLATFORMS)}, not {name!r}")


def _message(deed: Mapping[str, Any]) -> tuple[str, str, str]:
    return _word(deed, "person"), _word(deed, "channel"), _word(deed, "message")


async def _say(view: View, deed: Mapping[str, Any]) -> str:
    keys = _list(deed, "files")
    said = await _hands(view, deed).say(
        _word(deed, "person"),
        _word(deed, "channel"),
        _word(deed, "text", default=""),
        thread=_word(deed, "thread", default=""),
        reply_to=_word(deed, "reply_to", default=""),
        files=[view.uploads.get(key) for key in keys],
    )
    for key in keys:
        view.uploads.drop(key)
    return said


async def _command(view: View, deed: Mapping[str, Any]) -> str:
    keys = _list(deed, "files")
    used = await _hands(view, deed).command(
        _word(deed, "person"),
        _word(deed, "channel"),
        _word(deed, "name"),
        _word(deed, "text", default=""),
        [view.uploads.get(key) for key in keys],
    )
    for key in keys:
        view.uploads.drop(key)
    return used


async def _press(view: View, deed: Mapping[str, Any]) -> None:
    await _server(view, deed).press(*_message(deed), _word(deed, "control"))


async def _select(view: View, deed: Mapping[str, Any]) -> None:
    """Discord's: the choices under a message."""
    await view.world.discord.select(*_message(deed), _word(deed, "control"), *_list(deed, "values"))


async def _delete(view: View, deed: Mapping[str, Any]) -> None:
    await _server(view, deed).delete(*_message(deed))


async def _change(view: View, deed: Mapping[str, Any]) -> None:
    await _server(view, deed).change(*_message(deed), _word(deed, "text"))


async def _react(view: View, deed: Mapping[str, Any]) -> None:
    await _hands(view, deed).react(*_message(deed), _word(deed, "emoji"), remove=bool(deed.get("remove")))


async def _use(view: View, deed: Mapping[str, Any]) -> None:
    """An entry of the bot's in a message's menu."""
    await _hands(view, deed).use(*_message(deed), _word(deed, "entry"))


async def _submit(view: View, deed: Mapping[str, Any]) -> None:
    form = _word(deed, "form")
    view.forms.forgive(form)
    await _hands(view, deed).submit(_word(deed, "person"), form, _values(deed))


async def _cancel(view: View, deed: Mapping[str, Any]) -> None:
    await _hands(view, deed).cancel(_word(deed, "person"), _word(deed, "form"))


async def _thread(view: View, deed: Mapping[str, Any]) -> str:
    """Discord's: on Slack a thread begins with its first reply."""
    person, channel, message = _message(deed)
    return await view.world.discord.start_thread(person, channel, _word(deed, "name"), message=message)


async def _stop(view: View, deed: Mapping[str, Any]) -> None:
    """Slack's own stop button under a message that streams."""
    await view.world.slack.stop_stream(*_message(deed))


async def _home(view: View, deed: Mapping[str, Any]) -> None:
    """Slack's: somebody looks at their direct messages with the app."""
    await view.world.slack.open_home(_word(deed, "person"))


async def _prompt(view: View, deed: Mapping[str, Any]) -> str:
    """One of the prompts that an agent of Slack's suggests."""
    thread = _word(deed, "thread", default="")
    return await view.world.slack.choose_prompt(_word(deed, "person"), _word(deed, "title"), thread=thread)


async def _halt(view: View, deed: Mapping[str, Any]) -> None:
    """Slack's own stop button beside a conversation with an agent."""
    await view.world.slack.stop_session(_word(deed, "person"), _word(deed, "channel"), _word(deed, "thread"))


async def _crowd(view: View, deed: Mapping[str, Any]) -> None:
    """Ten questions at once in one channel, by as many people as there are."""
    server, hands, channel = _server(view, deed), _hands(view, deed), _word(deed, "channel")
    people = [
        str(person["id"])
        for person in server.people()
        if not person["bot"] and person["role"] not in ("guest", "outsider")
    ]
    await asyncio.gather(
        *(
            hands.say(
                people[number % len(people)],
                channel,
                f"{server.mention} {QUESTIONS[number % len(QUESTIONS)]}",
                thread="",
                reply_to="",
                files=(),
            )
            for number in range(CROWD)
        )
    )


async def _scale(view: View, deed: Mapping[str, Any]) -> None:
    view.world.clock.rescale(_number(deed, "scale", SCALES))


async def _speed(view: View, deed: Mapping[str, Any]) -> None:
    view.world.claude.speed = _number(deed, "speed", SPEEDS)


async def _shape(view: View, deed: Mapping[str, Any]) -> None:
    """Give every limit one shape, or each its own again (shape "")."""
    limits, wanted = view.world.limits, deed.get("shape")
    if wanted not in ("", *get_args(Shape)):
        raise DeedError(f"a limit's shape is {', '.join(get_args(Shape))}, or nothing for each limit's own")
    for limit in limits.known:
        own = view.shapes.setdefault(limit.name, limit.shape)
        shape: Shape = next((one for one in get_args(Shape) if one == wanted), own)
        if shape != limit.shape:
            limits.change(limit.name, shape=shape)


async def _enforce(view: View, deed: Mapping[str, Any]) -> None:
    if not isinstance(deed.get("enforced"), bool):
        raise DeedError("enforced is true or false")
    view.world.limits.enforced = deed["enforced"]


DEEDS: Final[Mapping[str, Callable[[View, Mapping[str, Any]], Awaitable[Any]]]] = {
    "say": _say,
    "command": _command,
    "press": _press,
    "select": _select,
    "delete": _delete,
    "change": _change,
    "react": _react,
    "use": _use,
    "submit": _submit,
    "cancel": _cancel,
    "thread": _thread,
    "stop": _stop,
    "home": _home,
    "prompt": _prompt,
    "halt": _halt,
    "crowd": _crowd,
    "scale": _scale,
    "speed": _speed,
    "shape": _shape,
    "enforce": _enforce,
}
