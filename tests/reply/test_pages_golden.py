"""What a viewer sees at each edit, as files that people can read: tests/golden/pages.

`GOLDEN=update make test` writes them anew; then look at them before they are committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.reply.judge import PLATFORMS, Platform, growing

FOLDER = Path(__file__).parents[1] / "golden" / "pages"
EACH_FRAME = 45  # characters between two edits
SMALL_PAGE = 320  # so that a short text is cut

ANSWERS = {
    "emphasis": "A **bold claim with *italics* inside**, ~~a mistake~~ and `code with * in it`. Then 2 * 3 * 4 and snake_case_name, "
    "an *args and **kwargs, and at last ***both at once***.\n",
    "headings": "# Title\n\nText.\n\n## Section ##\n\nMore.\n\n#### Deep **one**\n\nEnd.\n\nSetext\n------\n\n---\n\nAfter a rule.\n",
    "lists": "Steps:\n\n1. First\n   - with a part\n   - and another\n2. Second, with `code`\n3. Third\n\n- [x] done\n- [ ] to do\n\n+ plus\n",
    "numbers": "".join(f"1. Step {n} of a long procedure, which takes a line to tell.\n" for n in range(1, 11)),
    "code": "Run this:\n\n```python\ndef greet(name: str) -> str:\n    return f\"<b>{name}</b> @everyone\"\n\n\nprint(greet('you'))\n```\n\nDone.\n",
    "long code": "```sh\n" + "".join(f"echo 'line {n} of a script that goes on'\n" for n in range(14)) + "```\n\nThat was it.\n",
    "code in a list": "1. Write:\n\n   ```yaml\n   key:\n     - value\n   ```\n\n2. Then:\n\n   ~~~~\n   ```\n   ~~~~\n",
    "table": "Compare:\n\n| Name | Count | **Bold** |\n|:-----|------:|:--------:|\n| one | 1 | `a` |\n| 日本 | 20 | b |\n\nAnd\n\n| x |\n|---|\n| y |\n",
    "wide table": "| Option | What it does |\n|---|---|\n| first | It does a great many things that take long to tell |\n| second | Nothing |\n",
    "quotes": "> A quote\n> of two lines\nand a lazy one.\n>\n> > Inside, **bold\n> > over lines**.\n\nAfter.\n",
    "links": "See [the docs](https://example.com/a_(b)) or https://example.com/x_y_z, <https://example.com>, ![a map](https://example.com/m.png), "
    "[ref] and [^1].\n\n[ref]: https://example.com/ref\n\nNow [ref] again.\n\n[^1]: A note.\n",
    "mentions": "Tell @everyone, <@123456789012345678>, <!channel>, <@U123ABC>, `<!here>`, #general and join discord.gg/abc: "
    "a < b, List<int>, <br>new line, $5 and $x^2$.\n",
    "world": "Grüße, 日本語の**太字**です。👨‍👩‍👧‍👦 🇩🇪🇯🇵 e\u0301 👍🏽 and עברית.\n\n\\*not italic\\* &amp; &lt;tag&gt;\n",
}  # fmt: skip


def frames(platform: Platform, text: str) -> str:
    """Every frame that differs from the one before it."""
    out: list[str] = []
    before: list[str] = []
    limit = min(platform.limit, SMALL_PAGE)
    for fed, pages in growing(platform, text, limit, EACH_FRAME):
        now = [page.text for page in pages]
        if now == before:
            out.append(f"══ {fed} characters: no change")
            continue
        out.append(f"══ {fed} characters")
        for number, shown in enumerate(now):
            if number >= len(before) or shown != before[number]:
                out.append(f"── page {number + 1}{' (closed)' if pages[number].closed else ''}\n{shown}")
        before = now
    return "\n".join(out) + "\n"


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
@pytest.mark.parametrize("name", ANSWERS)
def test_golden_frames(platform: Platform, name: str) -> None:
    """Each edit looks as if it had been written by hand; a change of one is seen in the diff."""
    path = FOLDER / f"{name.replace(' ', '-')}.{platform.name}.txt"
    now = frames(platform, ANSWERS[name])
    if os.environ.get("GOLDEN") == "update":
        path.write_text(now)
    assert path.read_text() == now
