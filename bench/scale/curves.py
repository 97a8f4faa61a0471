"""One SVG for each tree: speed-up over the serial program against workers, both logarithmic."""
import math
from html import escape

from runner.plot import STYLE

LEFT, TOP, SIDE, ROOM = 60, 40, 400, 210
COLOURS = {"as it is": "#1d4ed8", "any victim first": "#15803d", "near only, one call": "#c2410c",
           "before": "#6b7280"}
MOST = 128


def at(value):
    """How far along an axis from 1 to MOST."""
    return SIDE * math.log(max(value, 1.0)) / math.log(MOST)


def curve(points, colour, dashes):
    spots = [(LEFT + at(p["workers"]), TOP + SIDE - at(p["speed_up"])) for p in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    return [f'<polyline fill="none" stroke="{colour}" stroke-width="2" '
            f'stroke-dasharray="{dashes}" points="{line}"/>'] + [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in spots]


def grid():
    out, bottom = [], TOP + SIDE
    mark = 1
    while mark <= MOST:
        x, y = LEFT + at(mark), bottom - at(mark)
        out += [f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>',
                f'<line class="grid" x1="{LEFT}" x2="{LEFT + SIDE}" y1="{y:.1f}" y2="{y:.1f}"/>',
                f'<text class="axis" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{mark}'
                '</text>',
                f'<text class="axis" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{mark}'
                '</text>']
        mark *= 2
    out.append(f'<line stroke="#999" x1="{LEFT}" y1="{bottom}" x2="{LEFT + SIDE}" y2="{TOP}"/>')
    return out


def svg(tree, points):
    width, height = LEFT + SIDE + ROOM, TOP + SIDE + 50
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           f'viewBox="0 0 {width} {height}">', f"<style>{STYLE}</style>",
           f'<rect width="{width}" height="{height}" fill="#fff"/>',
           f'<text class="title" x="{LEFT}" y="20">{escape(tree)}: simulated speed-up over the '
           'serial program</text>'] + grid()
    drawn = [(policy, sockets) for policy in COLOURS for sockets in (1, 2)
             if any((p["policy"], p["sockets"]) == (policy, sockets) for p in points)]
    for i, (policy, sockets) in enumerate(drawn):
        some = [p for p in points if p["policy"] == policy and p["sockets"] == sockets]
        dashes = "" if sockets == 1 else "5 4"
        out += curve(some, COLOURS[policy], dashes)
        y = TOP + 20 + 20 * i
        out.append(f'<line stroke="{COLOURS[policy]}" stroke-width="2" stroke-dasharray="{dashes}" '
                   f'x1="{LEFT + SIDE + 12}" x2="{LEFT + SIDE + 40}" y1="{y - 4}" y2="{y - 4}"/>')
        out.append(f'<text x="{LEFT + SIDE + 46}" y="{y}">{policy}, {sockets} socket'
                   f'{"s" if sockets > 1 else ""}</text>')
    out += [f'<text class="axis" x="{LEFT + SIDE / 2}" y="{TOP + SIDE + 36}" '
            'text-anchor="middle">workers</text>', "</svg>", ""]
    return "\n".join(out)
