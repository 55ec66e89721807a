"""Figures and images as data URIs."""

import base64
from dataclasses import dataclass
from io import BytesIO

import numpy as np

_LARGEST_SVG = 250_000
_DPI = 192
_CSS_DPI = 96


@dataclass(frozen=True)
class Picture:
    """A picture as the page shows it.

    Attributes
    ----------
    src : str
        Data URI.

    alt : str
        What is to be seen, for those who cannot.

    width, height : int
        Natural size in CSS pixels.

    caption : str
        The line beneath.
    """

    src: str
    alt: str
    width: int
    height: int
    caption: str = ""


def figure_picture(figure, alt, caption=""):
    """Encode a figure: SVG, or PNG where it has too many points for that.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.

    alt : str
        What is to be seen.

    caption : str, default=""
        The line beneath.

    Returns
    -------
    picture : Picture
        Of the figure's own size.
    """
    kind, content = "svg+xml", _svg(figure)
    if len(content) > _LARGEST_SVG:
        kind, content = "png", _png(figure)
    width, height = (round(_CSS_DPI * inches) for inches in figure.get_size_inches())
    return Picture(_data_uri(kind, content), alt, width, height, caption)


def _svg(figure):
    from matplotlib import rc_context

    nothing = {"Creator": None, "Date": None, "Format": None, "Type": None}
    stream = BytesIO()
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "sksubspace"}):
        figure.savefig(stream, format="svg", metadata=nothing)
    return stream.getvalue()


def _png(figure):
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()


def pixel_picture(row, shape, limits, alt, side=56):
    """Draw a row as a small image, one pixel a value; dark is large, or colours as they are.

    Parameters
    ----------
    row : ndarray of shape (n_features,)
        Values.

    shape : tuple of int
        (height, width), or (height, width, channels).

    limits : tuple of float and float
        Values drawn as white and black.

    alt : str
        What is to be seen.

    side : int, default=56
        Longer side in CSS pixels.

    Returns
    -------
    picture : Picture
        A PNG.
    """
    from matplotlib.image import imsave

    low, high = limits
    share = np.clip((row - low) / (high - low if high > low else 1.0), 0, 1).reshape(shape)
    stream = BytesIO()
    imsave(stream, share, cmap="gray_r", vmin=0, vmax=1, format="png", metadata={"Software": None})
    width, height = (max(2, round(side * shape[i] / max(shape[:2]))) for i in (1, 0))
    return Picture(_data_uri("png", stream.getvalue()), alt, width, height)


def _data_uri(kind, content):
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
