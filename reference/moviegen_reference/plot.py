"""Plots as SVG text, in plain Python: lines with their spread, and points by name. Panels stand side by side on a page.

Not here: what is plotted (`curves.py`, `ablations/report.py`).
"""

import math
from dataclasses import dataclass, field
from html import escape

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666")  # Okabe and Ito's, told apart by all eyes
WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 30, 44


@dataclass(frozen=True)
class Series:
    """Points (x, y), and where given the (low, high) of each. A point without a line where `joined` is False."""

    name: str
    points: list[tuple[float, float]]
    spread: list[tuple[float, float]] = field(default_factory=list)
    joined: bool = True


@dataclass(frozen=True)
class Panel:
    """One pair of axes. `names`: words at x = 0, 1, 2, ... instead of numbers."""

    title: str
    x_label: str
    y_label: str
    series: list[Series]
    log_x: bool = False
    log_y: bool = False
    names: tuple[str, ...] = ()


def nice_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten within [low, high], at most `most` of them."""
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    while (high - low) / step > most:
        leading = round(step / 10.0 ** math.floor(math.log10(step) + 1e-9))
        step *= 2.5 if leading == 2 else 2.0
    return [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten; powers of ten alone over more than two decades."""
    leading = (1, 2, 5) if high / low < 100 else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [m * 10.0**k for k in powers for m in leading if low <= m * 10.0**k * (1 + 1e-9) and m * 10.0**k <= high * (1 + 1e-9)]


class Axis:
    """Numbers to places on the page between `start` and `end`."""

    def __init__(self, values: list[float], log: bool, start: float, end: float, room: float = 0.04):
        low, high = min(values), max(values)
        if log and low <= 0:
            raise ValueError(f"plot: a logarithmic axis takes positive numbers, got {low}")
        low, high = (math.log10(low), math.log10(high)) if log else (low, high)
        room = room * (high - low) if high > low else max(abs(high), 1.0) * 0.1
        self.low, self.high, self.log, self.start, self.end = low - room, high + room, log, start, end

    def at(self, value: float) -> float:
        value = math.log10(value) if self.log else value
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        if not self.log:
            return nice_ticks(self.low, self.high)
        found = log_ticks(10.0**self.low, 10.0**self.high)
        return found if len(found) > 1 else nice_ticks(10.0**self.low, 10.0**self.high)


def number(value: float) -> str:
    return f"{value:.4g}".replace("e+0", "e").replace("e-0", "e-")


def words(x: float, y: float, text: str, anchor: str = "middle", size: int = 11, more: str = "") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}"{more}>{escape(text)}</text>'


def stroke(names: list[str], name: str) -> tuple[str, str]:
    """A name's colour on its page, and the dashes of those beyond the colours there are."""
    k = names.index(name)
    return COLOURS[k % len(COLOURS)], ' stroke-dasharray="5 3"' if k >= len(COLOURS) else ""


def panel_svg(panel: Panel, names: list[str]) -> str:
    """The contents of WIDTH x HEIGHT; `names` are all of the page."""
    xs = [x for s in panel.series for x, _ in s.points]
    ys = [y for s in panel.series for _, y in s.points] + [y for s in panel.series for pair in s.spread for y in pair]
    if not xs:
        raise ValueError(f"plot: {panel.title!r} has no points")
    x_axis = Axis([-0.5, len(panel.names) - 0.5] if panel.names else xs, panel.log_x, LEFT, WIDTH - RIGHT)
    y_axis = Axis(ys, panel.log_y, HEIGHT - BOTTOM, TOP, 0.06)
    out = [words(WIDTH / 2, 17, panel.title, size=13, more=' font-weight="bold"')]
    for y in y_axis.ticks():
        out.append(f'<path d="M{LEFT} {y_axis.at(y)}H{WIDTH - RIGHT}" stroke="#ddd"/>' + words(LEFT - 5, y_axis.at(y) + 4, number(y), "end"))
    for x in range(len(panel.names)) if panel.names else x_axis.ticks():
        out.append(words(x_axis.at(x), HEIGHT - BOTTOM + 15, panel.names[x] if panel.names else number(x)))
    out.append(f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" stroke="#444"/>')
    out.append(words((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, panel.x_label))
    out.append(words(0, 0, panel.y_label, more=f' transform="translate(13 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)"'))
    for s in panel.series:
        colour, dashes = stroke(names, s.name)
        places = [(x_axis.at(x), y_axis.at(y)) for x, y in s.points]
        edges = [(y_axis.at(low), y_axis.at(high)) for low, high in s.spread]
        if edges and s.joined:
            around = [f"{x} {low}" for (x, _), (low, _) in zip(places, edges)] + [f"{x} {high}" for (x, _), (_, high) in reversed(list(zip(places, edges)))]
            out.append(f'<path d="M{"L".join(around)}Z" fill="{colour}" opacity="0.18"/>')
        elif edges:
            out += [f'<path d="M{x} {low}V{high}" stroke="{colour}" stroke-width="2"/>' for (x, _), (low, high) in zip(places, edges)]
        if s.joined:
            out.append(f'<path d="M{"L".join(f"{x} {y}" for x, y in places)}" fill="none" stroke="{colour}" stroke-width="1.6"{dashes}/>')
        if len(places) <= 24:
            out += [f'<circle cx="{x}" cy="{y}" r="{2.6 if s.joined else 4}" fill="{colour}"/>' for x, y in places]
    return "\n".join(out)


def legend(names: list[str], width: int) -> tuple[str, int]:
    """The names with their colours in rows, and how high those are together."""
    out, x, y = [], 20.0, 16
    for name in names:
        long = 30 + 6.3 * len(name)
        if x > 20 and x + long > width:
            x, y = 20.0, y + 17
        colour, dashes = stroke(names, name)
        out.append(f'<path d="M{x} {y - 4}h16" stroke="{colour}" stroke-width="4"{dashes}/>' + words(x + 21, y, name, "start"))
        x = round(x + long, 1)
    return "\n".join(out), y + 8


def page(panels: list[Panel]) -> str:
    """An SVG document; a name has one colour in all panels, and a legend below where there are two."""
    names = list(dict.fromkeys(s.name for p in panels for s in p.series))
    width = WIDTH * len(panels)
    below, high = legend(names, width) if len(names) > 1 else ("", 0)
    parts = [f'<g transform="translate({k * WIDTH} 0)">\n{panel_svg(p, names)}\n</g>' for k, p in enumerate(panels)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT + high}" width="{width}" height="{HEIGHT + high}" '
        f'font-family="sans-serif" fill="#222">\n<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(parts)
        + f'\n<g transform="translate(0 {HEIGHT})">\n{below}\n</g>\n</svg>\n'
    )
