"""One SVG for each workload: a dot for each median, a line for its interval, on a logarithmic
axis, so that twice as fast is the same distance everywhere."""
import math
from html import escape

from runner.intervals import median_interval
from runner.report import shown_time, title

ROW, LABEL, PLOT, EDGE, HEAD, FOOT = 22, 190, 470, 100, 34, 30
STYLE = ("text{font:12px sans-serif;fill:#222}.title{font-weight:bold}.grid{stroke:#ddd}"
         ".axis{fill:#666}.bar{stroke-width:3;stroke-linecap:round}")


def colour(name):
    if name.startswith("filch"):
        return "#c2410c"
    return "#15803d" if name.startswith("serial") else "#1d4ed8"


def ticks(low, high):
    """1, 2 and 5 of each power of ten between the two."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    marks = [m * 10.0**p for p in range(first, last + 1) for m in (1, 2, 5)]
    inside = [m for m in marks if low <= m <= high]
    return inside if len(inside) <= 9 else [m for m in inside if f"{m:e}".startswith("1")]


class Axis:
    def __init__(self, intervals):
        self.low = min(i.low for i in intervals) / 1.3
        self.high = max(i.high for i in intervals) * 1.3

    def x(self, value):
        return LABEL + PLOT * math.log(value / self.low) / math.log(self.high / self.low)


def panel(workload, event, top):
    """The event's rows, fastest first, and the height they take."""
    rows = sorted(((s.name, *shown_time(workload, s)) for s in event.series),
                  key=lambda row: row[1].median)
    axis = Axis([row[1] for row in rows])
    bottom = top + HEAD + ROW * len(rows)
    out = [f'<text class="title" x="8" y="{top + 16}">{escape(title(event))}, {rows[0][2]}</text>']
    for mark in ticks(axis.low, axis.high):
        x = axis.x(mark)
        out.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top + HEAD - 8}" '
                   f'y2="{bottom}"/>')
        out.append(f'<text class="axis" x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">'
                   f'{mark:g}</text>')
    for i, (name, interval, _) in enumerate(rows):
        y = top + HEAD + ROW * i + ROW / 2
        out.append(f'<text x="{LABEL - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(name)}</text>')
        out.append(f'<line class="bar" stroke="{colour(name)}" x1="{axis.x(interval.low):.1f}" '
                   f'x2="{axis.x(interval.high):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        out.append(f'<circle cx="{axis.x(interval.median):.1f}" cy="{y:.1f}" r="5" '
                   f'fill="{colour(name)}"/>')
        out.append(f'<text x="{LABEL + PLOT + 8}" y="{y + 4:.1f}">{interval.median:.3g}</text>')
    return out, bottom + FOOT - top


def svg(workload, events):
    """Events whose time says nothing (a second of idleness) have no panel; None without any."""
    top, body = 8, []
    for event in events:
        positive = [s for s in event.series if s.unit != "second" and min(s.per_unit()) > 0]
        if not positive:
            continue
        lines, height = panel(workload, event, top)
        body += lines
        top += height + 10
    if not body:
        return None
    width = LABEL + PLOT + EDGE
    note = ("Median and its 95 % interval, logarithmic, less is better. "
            "filch orange, serial green, others blue.")
    return "\n".join(
        [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top + 20}" '
         f'viewBox="0 0 {width} {top + 20}">', f"<style>{STYLE}</style>",
         f'<rect width="{width}" height="{top + 20}" fill="#fff"/>'] + body
        + [f'<text class="axis" x="8" y="{top + 8}">{note}</text>', "</svg>", ""])
