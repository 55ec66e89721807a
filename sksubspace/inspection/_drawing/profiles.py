"""Rows beside their reconstructions: as images, as bars, or as profiles over the features."""

import numpy as np

from sksubspace.inspection._drawing.style import check_matplotlib, literal

# up to so many features have a bar and a name each; more are a line
_MOST_BARS = 16
_MOST_COLUMNS = 4


def check_image_shape(image_shape, n_features):
    """Return the shape of an image as a tuple, or None."""
    if image_shape is None:
        return None
    shape = tuple(int(side) for side in image_shape)
    colour = len(shape) == 3 and shape[2] in (3, 4)
    if not (len(shape) == 2 or colour) or int(np.prod(shape)) != n_features:
        raise ValueError(
            f"image_shape must be (height, width) or (height, width, 3) with a product of "
            f"{n_features} features, got {image_shape}."
        )
    return shape


def image_limits(pixels, clip=0.0):
    """Return limits of grey that all images share, `clip` of the pixels beyond each."""
    low, high = np.quantile(pixels, [clip, 1 - clip])
    return {"vmin": low, "vmax": high if high > low else low + 1}


def as_image(row, shape, limits):
    """Shape a row as an image; colours are brought to 0..1 as integers or fractions."""
    image = np.reshape(row, shape)
    if len(shape) == 2:
        return image
    return np.clip(image / (255 if limits["vmax"] > 1.5 else 1), 0, 1)


def draw_pairs(originals, returned, titles, image_shape, feature_names, figure, caller):
    """Draw originals and reconstructions, both of shape (m, d), and return the axes."""
    check_matplotlib(caller)
    shape = check_image_shape(image_shape, originals.shape[1])
    if shape is not None:
        return _draw_images(originals, returned, titles, shape, figure)
    return _draw_profiles(originals, returned, titles, feature_names, figure)


def _figure(figure, figsize):
    if figure is not None:
        return figure
    import matplotlib.pyplot as plt

    return plt.figure(figsize=figsize, layout="constrained")


def _draw_images(originals, returned, titles, shape, figure):
    figure = _figure(figure, (max(3.0, 0.95 * len(titles) + 0.4), 2.5))
    axes = figure.subplots(2, len(titles), squeeze=False)
    limits = image_limits(originals)
    for column, title in enumerate(titles):
        for ax, rows in zip(axes[:, column], (originals, returned), strict=True):
            image = as_image(rows[column], shape, limits)
            ax.imshow(image, cmap="gray_r", interpolation="nearest", **limits)
            ax.set(xticks=[], yticks=[])
        axes[0, column].set_title(title, fontsize=9)
    axes[0, 0].set_ylabel("original")
    axes[1, 0].set_ylabel("from the map")
    return axes


def _draw_profiles(originals, returned, titles, feature_names, figure):
    n_columns = min(len(titles), _MOST_COLUMNS)
    n_rows = -(-len(titles) // n_columns)
    figure = _figure(figure, (3.1 * n_columns + 0.6, 2.3 * n_rows + 0.6))
    axes = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    for spare in axes[len(titles) :]:
        spare.remove()
    axes = axes[: len(titles)]
    draw = _draw_bars if originals.shape[1] <= _MOST_BARS else _draw_lines
    for ax, original, back, title in zip(axes, originals, returned, titles, strict=True):
        draw(ax, original, back, feature_names)
        ax.set_title(title.replace("\n", ": "), fontsize=9)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return axes


def _draw_lines(ax, original, back, feature_names):
    ax.plot(original, color="0.6", linewidth=2.2, label="original")
    ax.plot(back, color="black", linewidth=1.1, label="from the map")
    ax.set_xlabel("feature")
    ax.label_outer()


def _draw_bars(ax, original, back, feature_names):
    places = np.arange(len(original))
    ax.bar(places, original, width=0.8, color="0.78", label="original")
    ax.plot(places, back, "D", color="black", markersize=4, label="from the map")
    ax.axhline(0, color="0.4", linewidth=0.6)
    names = [literal(name, 20) for name in (places if feature_names is None else feature_names)]
    ax.set_xticks(places, names, rotation=90 if max(map(len, names)) > 2 else 0, fontsize=8)
