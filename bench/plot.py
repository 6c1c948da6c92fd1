"""A small line chart as SVG, for the README: lag against the number of replies. Readable on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_COLOURS = {
    "timer-0.5s": "#c2410c",
    "timer-1s": "#ca8a04",
    "global-1s": "#7c3aed",
    "oldest-first": "#0891b2",
    "ours": "#16a34a",
    "bound": "#737373",
}
_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 420, 320, 52, 40, 12, 46


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: a title, and for each line its points (replies, seconds)."""

    title: str
    lines: Mapping[str, Sequence[tuple[float, float]]]


def draw(panels: Sequence[Panel], caption: str) -> str:
    """The panels side by side, logarithmic both ways, one legend."""
    width = _WIDTH * len(panels)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT + 54}" width="{width}" '
            f'font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="{escape(caption)}">'
        ),
        (
            "<style>text{fill:#404040}.grid{stroke:#d4d4d4}.card{fill:#ffffff}"
            "@media(prefers-color-scheme:dark)"
            "{text{fill:#d4d4d4}.grid{stroke:#404040}.card{fill:#0d1117}}</style>"
        ),
        f'<rect class="card" width="{width}" height="{_HEIGHT + 54}" rx="8"/>',
    ]
    for number, panel in enumerate(panels):
        parts.append(f'<g transform="translate({number * _WIDTH},0)">{_panel(panel)}</g>')
    parts.append(_legend(panels, width))
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _panel(panel: Panel) -> str:
    points = [point for line in panel.lines.values() for point in line]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    low_x, high_x = math.log(min(xs)), math.log(max(xs))
    low_y, high_y = math.floor(math.log10(min(ys)) * 2) / 2, math.ceil(math.log10(max(ys)) * 2) / 2

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log(x) - low_x) / max(1e-9, high_x - low_x)
        up = (math.log10(y) - low_y) / max(1e-9, high_y - low_y)
        return (
            round(_LEFT + across * (_WIDTH - _LEFT - _RIGHT), 1),
            round(_HEIGHT - _BOTTOM - up * (_HEIGHT - _BOTTOM - _TOP), 1),
        )

    parts = [f'<text x="{_LEFT}" y="22" font-size="14" font-weight="600">{escape(panel.title)}</text>']
    for mark in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200):
        if low_y - 1e-9 <= math.log10(mark) <= high_y + 1e-9:
            _, y = place(min(xs), mark)
            parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
            parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{mark:g} s</text>')
    for x in sorted(set(xs)):
        across, _ = place(x, min(ys))
        parts.append(f'<text x="{across}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{x:g}</text>')
    parts.append(
        f'<text x="{(_LEFT + _WIDTH) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">replies at once</text>'
    )
    for name, line in panel.lines.items():
        path = " ".join(
            f"{'M' if i == 0 else 'L'}{x},{y}" for i, (x, y) in enumerate(place(*p) for p in line)
        )
        dash = ' stroke-dasharray="5 4"' if name == "bound" else ""
        wide = 3 if name == "ours" else 1.6
        parts.append(f'<path d="{path}" fill="none" stroke="{_COLOURS[name]}" stroke-width="{wide}"{dash}/>')
    return "".join(parts)


def _legend(panels: Sequence[Panel], width: int) -> str:
    names = [name for name in _COLOURS if any(name in panel.lines for panel in panels)]
    parts, x = [], 24
    for name in names:
        dash = ' stroke-dasharray="5 4"' if name == "bound" else ""
        y = _HEIGHT + 28
        parts.append(
            f'<line x1="{x}" x2="{x + 26}" y1="{y}" y2="{y}" stroke="{_COLOURS[name]}" stroke-width="3"{dash}/>'
            f'<text x="{x + 32}" y="{y + 4}">{name}</text>'
        )
        x += (width - 48) // len(names)
    return "".join(parts)
