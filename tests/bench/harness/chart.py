"""results.svg: rates side by side on a logarithmic scale, and how they move as
the register grows.  Plain SVG, written by hand."""
import math
from xml.sax.saxutils import escape

from . import cases, systems
from .report import by_shape, figure, title_of

WIDTH, LEFT, BAR, GAP = 760, 210, 14, 10
COLOURS = {"resoprod": "#1f6f8b", "etcd": "#c06c2c", "slapd": "#7a8b1f",
    "grpcpp": "#7d4f9e", "nghttpd": "#8c8c8c"}
STYLE = ("<style>text{font:12px sans-serif;fill:#222}"
    ".h{font-weight:bold;font-size:14px}.n{font-size:11px}</style>")
# what has a rate that says something, and more than one system
BARS = ("get", "batchget", "list", "find", "put", "sync-new", "sync-same",
    "sync-changed")


def text(x, y, words, kind="", anchor="start"):
    return '<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>' % (
        x, y, kind, anchor, escape(words))


def scale(values, pixels):
    """Value to pixels, on whole powers of ten."""
    low = math.floor(math.log10(min(values)))
    high = math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    return low, high, lambda v: (math.log10(v) - low) / (high - low) * pixels


def grid(low, high, place, top, bottom):
    for power in range(low, high + 1):
        x = LEFT + place(10 ** power)
        yield ('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/>' %
            (x, top, x, bottom))
        yield text(x, bottom + 14, figure(10 ** power), "n", "middle")


def bars(all_, top):
    """Groups of bars, one a case and shape; the height they took."""
    groups = []
    for name in BARS:
        rows = [r for r in by_shape(cases.ALL[name], all_) if r.rate]
        for shape in dict.fromkeys(r.shape for r in rows):
            groups.append(("%s %s" % (cases.ALL[name].title.split(",")[0],
                shape), [r for r in rows if r.shape == shape]))
    if not groups:
        return [], top
    low, high, place = scale([r.rate for _, rows in groups for r in rows],
        WIDTH - LEFT - 90)
    height = sum(len(rows) * BAR + GAP for _, rows in groups)
    out = [text(10, top + 14, "Calls or records a second, one server core",
        "h")]
    y = top + 28
    out += grid(low, high, place, y - 4, y + height)
    for label, rows in groups:
        out.append(text(LEFT - 8, y + 11, label, "", "end"))
        for r in rows:
            out.append('<rect x="%d" y="%d" width="%.1f" height="%d" '
                'fill="%s"/>' % (LEFT, y, max(1.0, place(r.rate)), BAR - 2,
                COLOURS.get(r.system, "#444")))
            out.append(text(LEFT + place(r.rate) + 4, y + 10,
                figure(r.rate), "n"))
            y += BAR
        y += GAP
    return out, y + 30


def legend(names, y):
    out, x = [], LEFT
    for name in names:
        out.append('<rect x="%d" y="%d" width="10" height="10" fill="%s"/>' %
            (x, y, COLOURS.get(name, "#444")))
        out.append(text(x + 14, y + 10, title_of(name)))
        x += 110
    return out, y + 24


def growth(all_, top):
    """Rate over the number of records, both logarithmic."""
    lines = {}
    for name in ("growth-get", "growth-put"):
        for r in all_.values():
            if r.case == name and r.rate:
                lines.setdefault(name, []).append((records(r.shape), r.rate))
    if not lines:
        return [], top
    height = 220
    points = [p for line in lines.values() for p in line]
    low, high, across = scale([n for n, _ in points], WIDTH - LEFT - 90)
    bottom, _, up = scale([rate for _, rate in points], height)
    out = [text(10, top + 14, "Rate at 16x16 as the register grows: "
        "records", "h")]
    top += 28
    out += grid(low, high, across, top, top + height)
    for (name, line), colour in zip(lines.items(), ("#1f6f8b", "#c06c2c")):
        line.sort()
        at = [(LEFT + across(n), top + height - up(rate), rate)
            for n, rate in line]
        out.append('<polyline fill="none" stroke="%s" stroke-width="2" '
            'points="%s"/>' % (colour, " ".join("%.1f,%.1f" % p[:2]
            for p in at)))
        for x, y, rate in at:
            out.append('<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>' %
                (x, y, colour))
            out.append(text(x, y - 8, figure(rate), "n", "middle"))
        out.append(text(LEFT - 8, at[0][1] + 4,
            cases.ALL[name].title.split(",")[0], "", "end"))
    return out, top + height + 30


def records(shape):
    units = {"k": 1000, "M": 1000000}
    return int(shape[:-1]) * units[shape[-1]] if shape[-1] in units \
        else int(shape)


def draw(all_):
    names = [n for n in systems.ALL if any(r.system == n
        for r in all_.values())]
    body, y = legend(names, 10)
    for part in (bars, growth):
        more, y = part(all_, y)
        body += more
    return "\n".join(['<svg xmlns="http://www.w3.org/2000/svg" width="%d" '
        'height="%d" viewBox="0 0 %d %d">' % (WIDTH, y, WIDTH, y), STYLE,
        '<rect width="100%" height="100%" fill="#fff"/>'] + body +
        ["</svg>", ""])
