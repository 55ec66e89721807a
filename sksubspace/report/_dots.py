"""A map as inline SVG: each dot says who it is when it is pointed at, without a script."""

from html import escape

import numpy as np

# beyond this many dots a page is slow to open; marked ones come first
MOST_DOTS = 4_000
# as in `ReliabilityDisplay`
MARK_COLORS = {"ok": "#b4b4b4", "misplaced": "#7a0019", "torn": "#2e8bc0", "merged": "#d99a00"}
_SIDE = 720
_MARGIN = 16
# of a dot, in units of the picture
_RADIUS = 3.2
# a shape for each mark, so that they are told apart without colours; around (0, 0)
_SHAPES = {
    "misplaced": "M-4-4L4 4M-4 4L4-4",
    "torn": "M0-5L4.6 3.6H-4.6Z",
    "merged": "M-3.8-3.8H3.8V3.8H-3.8Z",
}


def dots_shown(mark, random_state=0):  # (n,) -> (m,)
    """Choose the rows to draw: of too many those that are marked, then others at random."""
    drawn = np.flatnonzero(mark != "not drawn")
    if len(drawn) <= MOST_DOTS:
        return drawn
    order = np.random.RandomState(random_state).permutation(drawn)
    order = order[np.argsort(mark[order] == "ok", kind="stable")]
    return np.sort(order[:MOST_DOTS])


def dots_svg(Z, mark, tips, sites=(), title="The map"):
    """Draw a map with a tip for each dot, and names at places of it.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, 2)
        Places of the dots to draw.

    mark : ndarray of shape (n_samples,) of str
        Their marks.

    tips : sequence of str
        What each of them is.

    sites : sequence of (str, (float, float))
        Names, and where they stand.

    title : str
        What is to be seen.

    Returns
    -------
    svg : str
        Markup; every text in it is escaped.
    """
    to_page, height = _to_page(Z)
    places = to_page(Z)
    parts = [
        f'<svg class="dots" viewBox="0 0 {_SIDE} {height}" role="img" '
        f'aria-label="{escape(title)}" xmlns="http://www.w3.org/2000/svg">'
    ]
    for name, color in MARK_COLORS.items():
        rows = np.flatnonzero(mark == name)
        if not len(rows):
            continue
        look = (
            f'stroke="{color}" stroke-width="2" fill="none"' if name != "ok" else f'fill="{color}"'
        )
        parts.append(f"<g {look}>")
        parts += [_dot(name, *places[row], tips[row]) for row in rows]
        parts.append("</g>")
    names = [(name, *to_page(np.array([place]))[0]) for name, place in sites]
    parts += [f'<text x="{x:.0f}" y="{y:.0f}">{escape(name)}</text>' for name, x, y in names]
    return "".join([*parts, "</svg>"])


def _to_page(Z):
    """Both coordinates in one unit, the second upwards; the height that the map asks for."""
    low, high = Z.min(axis=0), Z.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    # a flat map would be a line, a steep one longer than a page
    height = _SIDE * float(np.clip(span[1] / span[0], 0.5, 1.0))
    room = np.array([_SIDE, height]) - 2 * _MARGIN
    unit = (room / span).min()
    middle, centre = (low + high) / 2, np.array([_SIDE, height]) / 2

    def to_page(points):  # (m, 2) -> (m, 2)
        return centre + (points - middle) * unit * [1, -1]

    return to_page, round(height)


def _dot(name, x, y, tip):
    tip = f"<title>{escape(tip)}</title>"
    if name == "ok":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS}">{tip}</circle>'
    return f'<path transform="translate({x:.1f} {y:.1f})" d="{_SHAPES[name]}">{tip}</path>'
