"""
Does a new batch still belong on the map?
=========================================

A map is made once and used for months. Meanwhile an instrument drifts, or something appears that
the map was not made from. ``transform`` places such samples without complaint. ``detect_shift``
tells whether a batch still looks like the data of the map, and ``pvalue`` does so for each row.

Here the map is made without a single eight, and eights are then mixed into new batches. What the
tests promise is on the page :ref:`trusting_an_embedding`.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sksubspace import MEDAL
from sksubspace.inspection import ShiftDisplay

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
eights, known = X[y == 8], X[y != 8]
X_train, X_new = train_test_split(known, test_size=0.4, random_state=0)

# %%
# With ``calibration="holdout"`` some of the training rows are held out before the map is made, here
# three in ten, and their distortions are the reference. That makes the p-values exact: of new rows
# of the same kind, no more than 5 % get a p-value of .05 or less, averaged over the draw of the
# calibration rows. (The default, "loo", gives up no rows and is slightly liberal instead.)

medal = MEDAL("umap", calibration="holdout", validation_fraction=0.3, random_state=0).fit(X_train)
print(f"{len(medal.calibration_scores_)} calibration rows")
for name, rows in {"eights": eights, "new known digits": X_new}.items():
    print(f"p <= .05 for {np.mean(medal.pvalue(rows) <= 0.05):.0%} of the {name}")

# %%
# A batch of 40 known digits, and one in which 12 of the 40 are eights. The first p-value is just
# below .05: at that level one clean batch in twenty is called shifted, and this is one.

rng = np.random.default_rng(0)


def draw_batch(X_new, n_eights, size=40):
    """Draw a batch with some eights, of rows that the map has not seen."""
    parts = ((X_new, size - n_eights), (eights, n_eights))
    return np.vstack([rng.choice(rows, n, replace=False) for rows, n in parts])


print("known digits: ", medal.detect_shift(draw_batch(X_new, 0)))
print("with 12 eights:", medal.detect_shift(draw_batch(X_new, 12)))
ShiftDisplay.from_estimator(medal, draw_batch(X_new, 12))
plt.show()

# %%
# How small a contamination is noticed? 40 batches of each kind are drawn and tested at level .05.
# All of them share one map and one set of calibration rows, and with those a certain luck, so
# the whole is repeated with two more splits of the data.

n_eights = np.array([0, 2, 4, 8, 12, 20])


def share_found(medal, X_new, n_batches=40):
    """Share of batches in which shift is found, for each number of eights."""
    return [
        np.mean([medal.detect_shift(draw_batch(X_new, n)).shifted for _ in range(n_batches)])
        for n in n_eights
    ]


found = [share_found(medal, X_new)]
for seed in (1, 2):
    X_train, X_other = train_test_split(known, test_size=0.4, random_state=seed)
    other = MEDAL("umap", calibration="holdout", validation_fraction=0.3, random_state=seed)
    found.append(share_found(other.fit(X_train), X_other))
found = np.array(found)

for n, shares in zip(n_eights, found.T, strict=True):
    print(f"{n:2d} eights of 40: shift found in {shares.mean():4.0%} of the batches")

# %%
# The more eights, the surer the alarm. At zero eights the curve shows false alarms. The level holds
# on average over splits; on a single split there may be more or fewer.
#
# The p-values are calibrated; that does not make the distortion the sharpest detector of novelty.
# If finding novel samples is all you want, try the distance to the nearest training rows as well.

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
ax.plot(n_eights, found.T, color="0.7", label=["single splits", None, None])
ax.plot(n_eights, found.mean(axis=0), marker="o", color="#0072B2", label="mean of the splits")
ax.axhline(0.05, color="0.2", linestyle=":", label="level of the test")
ax.set(xlabel="eights in a batch of 40", ylabel="share of batches with shift found")
ax.set(xticks=n_eights, ylim=(-0.03, 1.05))
ax.legend(loc="center right")
plt.show()
