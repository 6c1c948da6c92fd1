"""What Discord's readers see of Claude's Markdown."""

from __future__ import annotations

import pytest

from adapters.discord.dialect import DiscordDialect
from tests.reply.judge import DISCORD, whole

HUSH = "\u200b"


def said(text: str) -> str:
    return "\n=====\n".join(page.text for page in whole(DISCORD, text))


@pytest.mark.parametrize(
    "text",
    [
        "Plain words, 2 * 3 = 6 and snake_case_names.",
        "**bold**, *italic*, _italic_, ***both***, ~~struck~~, `code`, ``co`de``",
        "# One\n## Two\n### Three",
        "- a\n- b\n  - c\n\n1. one\n2. two",
        "> a quote\n> of two lines",
        "```python\nprint('**not bold**')\n```",
        "See https://example.com/a_b_c?x=*y*z for more.",
        "Escapes: \\*not italic\\*",
        "Line one\nline two",
    ],
)
def test_what_discord_reads_alike_stays_as_it_was_written(text: str) -> None:
    """Plain Markdown comes out unchanged."""
    assert said(text) == text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        # What Discord would read otherwise.
        ("__bold__", "**bold**"),
        ("a || b || c", "a \\|\\| b \\|\\| c"),
        ("an *args and **kwargs", "an \\*args and \\*\\*kwargs"),
        ("_snake_case_", "*snake_case*"),
        ("-# not small", "\\-# not small"),
        ("a\\\nb", "a\nb"),
        ("&lt;b&gt; &amp; &#42;", "\\<b\\> & \\*"),
        # Headings.
        ("#### Four", "**Four**"),
        ("#### **Four** *x*", "**Four *x***"),
        ("Title\n=====\n\nText", "# Title\n\nText"),
        ("## Two ##", "## Two"),
        # Lists.
        ("+ a\n+ b", "- a\n- b"),
        ("1) a\n2) b", "1. a\n2. b"),
        ("- [ ] open\n- [x] done", "- ☐ open\n- ☑ done"),
        # Quotes.
        (">a", "> a"),
        ("> a\nlazy", "> a\n> lazy"),
        ("> a\n> > b", "> a\n> │ b"),
        # Code.
        ("~~~py\nx\n~~~", "```py\nx\n```"),
        ("````md\n```\nx\n```\n````", f"```md\n`{HUSH}`{HUSH}`\nx\n`{HUSH}`{HUSH}`\n```"),
        ("    indented\n    code", "```\nindented\ncode\n```"),
        ("`` a`b ``", "``a`b``"),
        ("```\n```", f"```\n{HUSH}\n```"),
        # What Discord does not have.
        ("a\n\n---\n\nb", "a\n\n────────────────\n\nb"),
        ("![a map](https://x.y/m.png)", "a map (<https://x.y/m.png>)"),
        ("![](https://x.y/m.png)", "<https://x.y/m.png>"),
        ("Said.[^1]\n\n[^1]: By whom.", "Said.¹\n\n¹ By whom."),
        ("Said.[^note]", "Said.[note]"),
        ("so $x^2 + y_1$ costs $5 or $10", "so `x^2 + y_1` costs $5 or $10"),
        ("so \\(a_1\\)", "so `a_1`"),
        ("$$\n\\frac{a}{b}\n$$", "```tex\n\\frac{a}{b}\n```"),
        ("a<br>b <b>c</b> List<int>", "a\nb c List<int>"),
        # Links.
        ("[the docs](https://x.y/d)", "the docs (<https://x.y/d>)"),
        ("[x.y](https://x.y/d)", "[x.y](<https://x.y/d>)"),
        ("[https://x.y](https://x.y)", "https://x.y"),
        ("[mail](mailto:a@b.c)", "mail (mailto:a@b.c)"),
        ("<https://x.y>", "<https://x.y>"),
        ("[d]: https://x.y\n\n[the docs][d]", "[d]: https://x.y\n\nthe docs (<https://x.y>)"),
    ],
)
def test_conversions(text: str, seen: str) -> None:
    """As docs/dialects.md has them."""
    assert said(text) == seen


def test_a_narrow_table_is_an_aligned_code_block() -> None:
    """Wide characters take two columns, markup is not shown as code."""
    table = "| Name | n |\n|:--|--:|\n| **日本** | 1 |\n| `b` | 10 |\n"
    assert said(table) == "```\nName   n\n────  ──\n日本   1\nb     10\n```"


def test_a_wide_table_is_a_list() -> None:
    """A phone would break its lines."""
    table = "| Name | What it is |\n|---|---|\n| one | " + "words " * 12 + "|\n| two | short |\n"
    first = "- **Name:** one\n  **What it is:** " + ("words " * 12).strip()
    assert said(table) == f"{first}\n- **Name:** two\n  **What it is:** short"


def test_a_table_in_a_list_stays_in_it() -> None:
    """Its lines keep the item's indentation."""
    assert said("- item\n\n  | a | b |\n  |---|---|\n  | 1 | 2 |\n") == (
        "- item\n\n  ```\n  a  b\n  ─  ─\n  1  2\n  ```"
    )


@pytest.mark.parametrize(
    "text",
    [
        "@everyone",
        "@here",
        "\\@everyone",
        "`@everyone`",
        "```\n<@123456789012345678> @here\n```",
        "&#64;everyone",
        "<@&123456789012345678>",
        "<@!123456789012345678>",
        "&lt;@123456789012345678>",
        "<#123456789012345678>",
        "</ask:123456789012345678>",
        "<t:1700000000:R>",
        "<id:customize>",
        "join discord.gg/abc now",
        "https://discord.com/invite/abc",
        "[join](https://discord.gg/abc)",
        "| @everyone |\n|---|\n| <@123456789012345678> |",
        "@<b></b>everyone",
        "![@everyone](https://x.y/z)",
    ],
)
def test_nothing_is_live(text: str) -> None:
    """Nobody is pinged, whatever `allowed_mentions` says."""
    for page in whole(DISCORD, text):
        assert not DISCORD.live.search(page.text)


def test_a_notice_is_small_and_inert() -> None:
    """Our own sentences stand apart from Claude's."""
    assert DiscordDialect().notice("Stopped by @everyone.") == f"-# Stopped by @{HUSH}everyone."
