"""What each platform's client would make of a message, as literal tables."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.page.markdown import SlackMarkup, discord_html, slack_html

NAMES = {"U1": "Ada", "C1": "general", "1": "Ada"}
LINK = 'target="_blank" rel="noopener noreferrer nofollow"'
ADA = '<span class="mention" data-kind="user">@Ada</span>'

SLACK_MARKDOWN = [
    ("**b** *i* _i_ ~~s~~", "<p><strong>b</strong> <em>i</em> <em>i</em> <s>s</s></p>"),
    ("one\ntwo", "<p>one<br>\ntwo</p>"),
    ("# One\n### Three", '<h3 class="heading">One</h3>\n<h3 class="heading">Three</h3>'),
    ("- a\n- b\n  - c", "<ul>\n<li>a</li>\n<li>b\n<ul>\n<li>c</li>\n</ul>\n</li>\n</ul>"),
    ("2. a\n3. b", '<ol start="2">\n<li>a</li>\n<li>b</li>\n</ol>'),
    ("> q", "<blockquote>\n<p>q</p>\n</blockquote>"),
    ("---", "<hr>"),
    ("`a < b`", "<p><code>a &lt; b</code></p>"),
    ("```py\nx = 1\n```", '<pre data-language="py"><code class="language-py">x = 1\n</code></pre>'),
    ("```\nx\n```", "<pre><code>x\n</code></pre>"),
    ("[l](https://a.b)", f'<p><a href="https://a.b" {LINK}>l</a></p>'),
    ("![pic](https://a.b/c.png)", f'<p><a href="https://a.b/c.png" {LINK}>pic</a></p>'),
    ("see https://a.b/c.", f'<p>see <a href="https://a.b/c" {LINK}>https://a.b/c</a>.</p>'),
    ("[l](javascript:alert(1))", "<p>[l](javascript:alert(1))</p>"),
    ("<b>x</b>", "<p>&lt;b&gt;x&lt;/b&gt;</p>"),
    ("<@U1>", '<p><span class="mention" data-kind="user">@Ada</span></p>'),
    ("<@U2|bob>", '<p><span class="mention" data-kind="user">@bob</span></p>'),
    ("<#C1>", '<p><span class="mention" data-kind="channel">#general</span></p>'),
    ("<!channel>", '<p><span class="mention broadcast" data-kind="broadcast">@channel</span></p>'),
    ("<!subteam^S1|@team>", '<p><span class="mention broadcast" data-kind="broadcast">@team</span></p>'),
    ("<!date^0^{date}|1970>", "<p>1970</p>"),
    ("<https://a.b?c&amp;d|l>", f'<p><a href="https://a.b?c&amp;d" {LINK}>l</a></p>'),
    ("<mailto:a@b.c|write>", f'<p><a href="mailto:a@b.c" {LINK}>write</a></p>'),
    ("&lt;!channel&gt; &lt;@U1&gt;", "<p>&lt;!channel&gt; &lt;@U1&gt;</p>"),
    ("```\n<@U1> &lt;\n```", "<pre><code>&lt;@U1&gt; &lt;\n</code></pre>"),
    ("an **open", "<p>an **open</p>"),
]

SLACK_TABLE = """\
<div class="table" role="region" aria-label="Table" tabindex="0"><table>
<thead>
<tr>
<th class="left">a</th>
<th class="right">b</th>
</tr>
</thead>
<tbody>
<tr>
<td class="left">1</td>
<td class="right"><code>2</code></td>
</tr>
</tbody>
</table></div>"""

MRKDWN = [
    ("*b* _i_ ~s~ `c`", "<strong>b</strong> <em>i</em> <s>s</s> <code>c</code>"),
    ("*bold _both_*", "<strong>bold <em>both</em></strong>"),
    ("2*3*4 snake_case_name", "2*3*4 snake_case_name"),
    ("**b**", "**b**"),
    ("*open\nclose*", "*open<br>\nclose*"),
    ("# no\n- no", "# no<br>\n- no"),
    ("&gt; q\n> r\nx", "<blockquote>q<br>\nr</blockquote>x"),
    ("```\na *x*\n```\ny", "<pre><code>a *x*</code></pre>\ny"),
    ("<https://a.b|l>", f'<a href="https://a.b" {LINK}>l</a>'),
    ("&lt;b&gt; &amp;lt;", "&lt;b&gt; &amp;lt;"),
    ("<@U1> <!here>", f'{ADA} <span class="mention broadcast" data-kind="broadcast">@here</span>'),
]

DISCORD = [
    ("**b** *i* _i_", "<strong>b</strong> <em>i</em> <em>i</em>"),
    ("__u__ ~~s~~", "<u>u</u> <s>s</s>"),
    ("***both***", "<em><strong>both</strong></em>"),
    ("**over\nlines**", "<strong>over<br>\nlines</strong>"),
    ("||no||", '<span class="spoiler" role="button" tabindex="0" aria-label="Spoiler">no</span>'),
    ("snake_case_name", "snake_case_name"),
    (r"\*no\* \\", "*no* \\"),
    ("# A\n## B\n### C\n#### D", "<h1>A</h1><h2>B</h2><h3>C</h3>#### D"),
    ("#no", "#no"),
    ("-# small", "<small>small</small>"),
    ("> q\n> r\nx", "<blockquote>q<br>\nr</blockquote>x"),
    (">no", "&gt;no"),
    (">>> all\nof it", "<blockquote>all<br>\nof it</blockquote>"),
    ("> > once", "<blockquote>&gt; once</blockquote>"),
    ("- a\n- b\n  - c\n- d", "<ul><li>a</li><li>b<br>\n<ul><li>c</li></ul></li><li>d</li></ul>"),
    ("3. a\n4. b\nx", '<ol start="3"><li>a</li><li>b</li></ol>x'),
    ("-no", "-no"),
    ("`a*b*`", "<code>a*b*</code>"),
    ("```py\nx\n```", '<pre data-language="py"><code class="language-py">x</code></pre>'),
    ("a ```x``` b", "a <pre><code>x</code></pre>\n b"),
    ("```py\nopen", "```py<br>\nopen"),
    ("> ```\n> x\n> ```", "<blockquote><pre><code>x</code></pre>\n</blockquote>"),
    ("[l](https://a.b)", f'<a href="https://a.b" {LINK}>l</a>'),
    ("[**l**](https://a.b)", f'<a href="https://a.b" {LINK}><strong>l</strong></a>'),
    (
        "[https://c.d](https://a.b)",
        f'[<a href="https://c.d" {LINK}>https://c.d</a>](<a href="https://a.b" {LINK}>https://a.b</a>)',
    ),
    ("[l](javascript:alert)", "[l](javascript:alert)"),
    ("<https://a.b>", f'<a href="https://a.b" {LINK}>https://a.b</a>'),
    ("(https://a.b/c_(d)).", f'(<a href="https://a.b/c_(d)" {LINK}>https://a.b/c_(d)</a>).'),
    ("<@1> <@!2>", f'{ADA} <span class="mention" data-kind="user">@2</span>'),
    ("<t:0:R>", '<time class="timestamp" datetime="1970-01-01T00:00:00+00:00">2 minutes ago</time>'),
    ("<t:0:D>", '<time class="timestamp" datetime="1970-01-01T00:00:00+00:00">1 January 1970</time>'),
    ("| a |\n|---|", "| a |<br>\n|---|"),
    ("---", "---"),
    ("<b>x</b> &lt;", "&lt;b&gt;x&lt;/b&gt; &amp;lt;"),
    ("@everyone", "@everyone"),
    ("an **open", "an **open"),
]


@pytest.mark.parametrize(("source", "html"), SLACK_MARKDOWN)
def test_a_markdown_block_is_shown_as_slack_shows_it(source: str, html: str) -> None:
    """The dialect of Slack's markdown block, with Slack's tokens live and its escapes undone."""
    assert slack_html(source, "slack-markdown", names=NAMES) == html


def test_a_markdown_block_may_hold_a_table() -> None:
    """Alignment is a class: the page's policy forbids style attributes."""
    assert slack_html("| a | b |\n|:--|--:|\n| 1 | `2` |", "slack-markdown") == SLACK_TABLE


def test_tasks_are_boxes_that_say_what_they_stand_for() -> None:
    """A list of tasks is read, not only seen."""
    html = slack_html("- [ ] a\n- [x] b", "slack-markdown")
    assert re.findall(r'aria-label="([^"]+)"', html) == ["to do", "done"]


@pytest.mark.parametrize(("source", "html"), MRKDWN)
def test_mrkdwn_is_shown_as_slack_shows_it(source: str, html: str) -> None:
    """mrkdwn has single delimiters, and no headings, lists or tables."""
    assert slack_html(source, "slack-mrkdwn", names=NAMES) == html


@pytest.mark.parametrize(("source", "html"), DISCORD)
def test_a_discord_message_is_shown_as_discord_shows_it(source: str, html: str) -> None:
    """Discord's own dialect: no tables, no HTML, no images, newlines as they are."""
    now = datetime(1970, 1, 1, 0, 2, tzinfo=UTC)
    assert discord_html(source, names=NAMES, now=now) == html


def test_an_unknown_markup_is_refused_in_a_sentence() -> None:
    """Misuse answers with a sentence."""
    unknown: SlackMarkup = "html"  # type: ignore[assignment] # the mistake under test
    with pytest.raises(ValueError, match="slack-markdown and slack-mrkdwn"):
        slack_html("x", unknown)


ALLOWED = {
    *(
        "a",
        "p",
        "br",
        "strong",
        "em",
        "s",
        "u",
        "span",
        "small",
        "code",
        "pre",
        "blockquote",
        "ul",
        "ol",
        "li",
        "h1",
    ),
    *("h2", "h3", "hr", "div", "table", "thead", "tbody", "tr", "th", "td", "input", "time"),
}
VOID = {"br", "hr", "input"}


class Balance(HTMLParser):
    """Reads HTML and keeps what is open."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED, tag
        for name, value in attrs:
            assert name != "style"
            assert not name.startswith("on")
            if name == "href":
                assert re.match(r"(?i)https?://|mailto:", value or ""), value
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check(html: str) -> None:
    reader = Balance()
    reader.feed(html)
    reader.close()
    assert reader.open == []


PIECES = [*"abU1 \n*_~|`>#-<&;[]()!@:/.\\\"'", "```", "&lt;", "https://", "javascript:", "<script>", "- "]
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=60).map("".join) | st.text()


@given(HOSTILE)
def test_whatever_a_message_says_is_balanced_and_harmless(source: str) -> None:
    """Nothing in a message becomes live HTML: known tags, balanced, no handler, no style, no foreign scheme."""
    check(slack_html(source, "slack-markdown"))
    check(slack_html(source, "slack-mrkdwn"))
    check(discord_html(source))


def test_long_answers_are_rendered_whole_and_soon() -> None:
    """Every word of real answers is on the page; a message of a page's length takes milliseconds, not seconds."""
    corpus = Path(__file__).parents[2].parent / "shared" / "corpora" / "answers.jsonl"
    if not corpus.exists():
        pytest.skip("the corpus of answers is not beside the repository")
    answers = [json.loads(line)["text"] for line in corpus.read_text().splitlines()[:40]]
    for answer in answers:
        for html in (slack_html(answer[:11_000], "slack-markdown"), discord_html(answer[:2000])):
            check(html)


@pytest.mark.parametrize("character", list("*_~|`>#-<[(&:"))
def test_a_message_of_one_character_is_no_burden(character: str) -> None:
    """No pattern backtracks without end: the longest message of each platform is rendered."""
    check(slack_html(character * 12_000, "slack-markdown"))
    check(slack_html(character * 4_000, "slack-mrkdwn"))
    check(discord_html(character * 4_000))
