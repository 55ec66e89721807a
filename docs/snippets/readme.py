from sklearn.datasets import load_digits
from umap import UMAP

from sksubspace import audit_embedding

X, y = load_digits(return_X_y=True)
Z = UMAP(random_state=0).fit_transform(X)  # or any picture that you have
audit = audit_embedding(X, Z, y=y)
print(audit)
# the picture
import matplotlib.pyplot as plt

from sksubspace.inspection import ReliabilityDisplay

fig, (ax, words) = plt.subplots(1, 2, figsize=(8.2, 4.2), width_ratios=(1.25, 1))
display = ReliabilityDisplay.from_reliability(Z, audit.reliability, ax=ax)
display.legend_.remove()
for scatter in display.scatters_.values():
    scatter.set_sizes(2 * scatter.get_sizes())
counts = {name: (audit.reliability.mark == name).sum() for name in display.scatters_}
labels = [f"{name} ({n:,})" for name, n in counts.items()]
ax.legend(display.scatters_.values(), labels, loc="upper center", bbox_to_anchor=(0.5, 0),
          ncols=4,
    markerscale=1.3, frameon=False, handletextpad=0, columnspacing=1)  # fmt: skip
ax.set(xlabel="", ylabel="", title=f"A UMAP of {len(X):,} digits")
words.set_title("What may be read off it?", loc="left")
words.axis("off")
for i, finding in enumerate(audit.verdict):
    height = 0.92 - 0.115 * i
    weight, color = ("bold", "#7A0019") if finding.answer == "NO" else ("normal", "black")
    words.text(0, height, finding.question, transform=words.transAxes)
    words.text(1, height, finding.answer, ha="right", weight=weight, color=color,
               transform=words.transAxes)  # fmt: skip
fig.tight_layout()
