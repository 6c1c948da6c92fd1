"""What the settings form asks, as a table. Law: a group has at most five rows on Discord (a row for each choice, one for all
texts together) and at most five texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bot import sentences
from bot.translations import NAMES

Kind: TypeAlias = Literal[
    "model", "choice", "switch", "number", "dollars", "persona", "people", "roles", "ids"
]


@dataclass(frozen=True, slots=True)
class Asked:
    """One field of `Preferences`, as it is asked.

    options      the values of a choice with their sentences
    least, most  the bounds of a number
    zero         what 0 means, where it does not mean nothing
    """

    name: str
    label: str
    kind: Kind
    options: tuple[tuple[str, str], ...] = ()
    least: int = 0
    most: int = 0
    zero: str = ""


LANGUAGE = "language"
AUTO = "auto"  # stands for "", which is no option's value on either platform
GROUPS: tuple[tuple[str, str, tuple[Asked, ...]], ...] = (
    (
        "answer",
        sentences.GROUP_ANSWER,
        (
            Asked("model", sentences.FIELD_MODEL, "model"),
            Asked(
                "effort",
                sentences.FIELD_EFFORT,
                "choice",
                (
                    ("low", sentences.EFFORT_LOW),
                    ("medium", sentences.EFFORT_MEDIUM),
                    ("high", sentences.EFFORT_HIGH),
                    ("xhigh", sentences.EFFORT_XHIGH),
                    ("max", sentences.EFFORT_MAX),
                    ("off", sentences.EFFORT_OFF),
                ),
            ),
            Asked(
                "growing",
                sentences.FIELD_GROWING,
                "choice",
                (("growing", sentences.GROWING_YES), ("when_done", sentences.GROWING_DONE)),
            ),
            Asked("footer", sentences.FIELD_FOOTER, "switch"),
            Asked("persona", sentences.FIELD_PERSONA, "persona"),
        ),
    ),
    (
        "where",
        sentences.GROUP_WHERE,
        (
            Asked("answers_here", sentences.FIELD_ANSWERS_HERE, "switch"),
            Asked("always_on", sentences.FIELD_ALWAYS_ON, "switch"),
            Asked(
                "reply_in",
                sentences.FIELD_REPLY_IN,
                "choice",
                (("thread", sentences.IN_THREAD), ("channel", sentences.IN_CHANNEL)),
            ),
            Asked(
                "branching",
                sentences.FIELD_BRANCHING,
                "choice",
                (
                    ("never", sentences.BRANCH_NEVER),
                    ("always", sentences.BRANCH_ALWAYS),
                    ("busy", sentences.BRANCH_BUSY),
                ),
            ),
        ),
    ),
    (
        "manner",
        sentences.GROUP_MANNER,
        (
            Asked(
                "while_answering",
                sentences.FIELD_WHILE_ANSWERING,
                "choice",
                (("wait", sentences.WHILE_WAIT), ("steer", sentences.WHILE_STEER)),
            ),
            Asked("remove_with_question", sentences.FIELD_REMOVE, "switch"),
            Asked(
                LANGUAGE,
                sentences.FIELD_LANGUAGE,
                "choice",
                tuple((value, value) for value in (AUTO, *NAMES)),
            ),
            Asked("notify_after", sentences.FIELD_NOTIFY, "number", most=86_400, zero=sentences.NEVER),
            Asked("attach_pages", sentences.FIELD_ATTACH_PAGES, "number", most=1_000, zero=sentences.NEVER),
            Asked("attach_code", sentences.FIELD_ATTACH_CODE, "number", most=1_000_000, zero=sentences.NEVER),
        ),
    ),
    (
        "who",
        sentences.GROUP_WHO,
        (
            Asked(
                "who_asks",
                sentences.FIELD_WHO,
                "choice",
                (("everyone", sentences.WHO_EVERYONE), ("listed", sentences.WHO_LISTED)),
            ),
            Asked("allowed_people", sentences.FIELD_ALLOWED_PEOPLE, "people"),
            Asked("allowed_groups", sentences.FIELD_ALLOWED_GROUPS, "roles"),
            Asked("denied_people", sentences.FIELD_DENIED_PEOPLE, "people"),
            Asked("denied_groups", sentences.FIELD_DENIED_GROUPS, "roles"),
        ),
    ),
    (
        "others",
        sentences.GROUP_OTHERS,
        (
            Asked("direct_messages", sentences.FIELD_DIRECT, "switch"),
            Asked("guests", sentences.FIELD_GUESTS, "switch"),
            Asked("outsiders", sentences.FIELD_OUTSIDERS, "switch"),
            Asked("bots", sentences.FIELD_BOTS, "ids"),
            Asked("bots_in_a_row", sentences.FIELD_BOTS_IN_A_ROW, "number", least=1, most=100),
        ),
    ),
    (
        "spending",
        sentences.GROUP_SPENDING,
        (
            Asked(
                "requests_a_minute", sentences.FIELD_REQUESTS, "number", most=10_000, zero=sentences.NO_LIMIT
            ),
            Asked("person_daily", sentences.FIELD_PERSON_DAILY, "dollars", zero=sentences.NO_LIMIT),
            Asked("channel_daily", sentences.FIELD_CHANNEL_DAILY, "dollars", zero=sentences.NO_LIMIT),
            Asked("workspace_daily", sentences.FIELD_WORKSPACE_DAILY, "dollars", zero=sentences.NO_LIMIT),
        ),
    ),
)
ASKED: Mapping[str, Asked] = {asked.name: asked for _, _, fields in GROUPS for asked in fields}
