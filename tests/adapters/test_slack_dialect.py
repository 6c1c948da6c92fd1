"""What goes into Slack's markdown block."""

from __future__ import annotations

import pytest

from adapters.slack.dialect import SlackDialect, defuse
from sandbox.page.markdown import slack_html
from tests.reply.documents import scripts
from tests.reply.judge import SLACK, live_mentions, whole


def said(text: str) -> str:
    return "\n=====\n".join(page.text for page in whole(SLACK, text))


@pytest.mark.parametrize("name", ["short", "prose", "code", "lists", "search"])
def test_an_answer_is_sent_as_it_was_written(name: str) -> None:
    """But for `<`, character for character."""
    text = scripts()[name]
    if len(text) > 9_000:
        text = text[:9_000]
    assert said(text).replace("&lt;", "<") == text.strip("\n").rstrip()


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("<@U123> a < b", "&lt;@U123> a &lt; b"),
        ("`<@U1>` and `a<b>`", "`&lt;@U1>` and `a<b>`"),
        (
            "```c\n#include <stdio.h>\n<!channel> <https://x|y>\n```",
            "```c\n#include <stdio.h>\n&lt;!channel> &lt;https://x|y>\n```",
        ),
        ("> a quote stays", "> a quote stays"),
        ("[a](<https://x.y/(z)>)", "[a](https://x.y/%28z%29)"),
        ("[d]: https://x.y\n\n[a][d], [d]", "\\[d]: https://x.y\n\n[a](https://x.y), [d](https://x.y)"),
        ("a & b &amp; c", "a & b &amp; c"),
    ],
)
def test_conversions(text: str, seen: str) -> None:
    """As docs/dialects.md has them."""
    assert said(text) == seen


@pytest.mark.parametrize(
    "text",
    [
        "<!channel>",
        "<@U1>",
        "<#C1>",
        "<!subteam^S1>",
        "<https://evil.example|good>",
        "`<!here>`",
        "```\n<@U1>\n```",
        "    <!here>",
    ],
)
def test_nothing_is_live(text: str) -> None:
    """Slack's own reading of the block finds no mention."""
    page = said(text)
    assert not SLACK.live.search(page)
    assert live_mentions(slack_html(page, "slack-markdown")) == []


def test_code_is_touched_only_where_a_token_would_begin() -> None:
    """`#include <x>` can be copied."""
    assert (
        defuse("vector<int> <a@b> <!here> <https://x>", code=True)
        == "vector<int> <a@b> &lt;!here> &lt;https://x>"
    )


def test_the_cost_counts_characters_and_bytes() -> None:
    """Ten thousand means thirty thousand bytes as well."""
    cost = SlackDialect().cost
    assert (cost("abc"), cost("é"), cost("漢漢"), cost("🚀")) == (3, 1, 2, 2)
    assert cost("x" * 10_000) == cost("漢" * 10_000) == 10_000


def test_a_notice_is_inert() -> None:
    """Our own sentences too."""
    assert SlackDialect().notice("Stopped by <@U1>.") == "_Stopped by &lt;@U1>._"
