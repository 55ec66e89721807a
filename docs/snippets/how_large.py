import csv
from pathlib import Path

import sksubspace

path = Path(sksubspace.__file__).parents[1] / "benchmarks/results/many_machines.csv"
with open(path, encoding="utf-8") as file:
    measured = {(row["data"], row["what"]): row for row in csv.DictReader(file)}

n_rows, n_columns, n_cores = 1e9, 50, 64  # yours
price, disks = 0.05, 1e9  # dollars for an hour of a core; bytes a second, all disks together

n_bytes = 4 * n_rows * n_columns
print(f"{n_bytes / 1e9:,.0f} GB, {n_rows / 250_000:,.0f} files of 250,000 rows")
for name in ("SteinSubspace, order 1", "KSubspaces", "MixtureOfLowRankGaussians"):
    run = f"10,000,000 x 50, {name}"
    seconds = measured[run, "CPU s of a fit, each worker"]
    passes = float(measured[run, "passes over the rows of a fit"]["reached"])
    total = float(seconds["reached"]) * int(seconds["n"]) * n_rows / 1e7 * n_columns / 50
    work, reading = total / n_cores / 3600, passes * n_bytes / disks / 3600
    cost = max(work, reading) * n_cores * price
    print(f"{name}: {passes:.0f} passes, work {work:.1f} h, reading {reading:.1f} h, ${cost:,.0f}")

# %% picture
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7.4, 3.6), layout="constrained")
for name in dict.fromkeys(data.split(", ", 1)[1] for data, _ in measured if " x 50, " in data):
    sizes = [n for n in (1_000_000, 10_000_000) if (f"{n:,} x 50, {name}", "passes over the rows of a fit") in measured]  # noqa: E501
    runs = [measured[f"{n:,} x 50, {name}", "CPU s of a fit, each worker"] for n in sizes]
    ax.loglog(sizes, [float(run["reached"]) for run in runs], "o-", label=name)
ax.set(xlabel="rows of 50 columns, in files", ylabel="CPU seconds of each of two workers")
ax.legend(fontsize=8)
