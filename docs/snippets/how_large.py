import csv
from pathlib import Path

import sksubspace

results = Path(sksubspace.__file__).parents[1] / "benchmarks" / "results"
with open(results / "many_machines.csv", encoding="utf-8") as file:
    table = {(row["data"], row["what"]): row for row in csv.DictReader(file)}

n_rows, n_columns, n_cores = 1e9, 50, 16  # yours
price = 0.05  # dollars for an hour of a core
speed = 1e9  # bytes a second, of all disks together

n_bytes = 4 * n_rows * n_columns
print(f"{n_bytes / 1e9:,.0f} GB, {n_rows / 250_000:,.0f} files of 250,000 rows")
for name in ("SteinSubspace, order 1", "KSubspaces", "MixtureOfLowRankGaussians"):
    run = f"10,000,000 x 50, {name}"
    each = float(table[run, "CPU s of a fit, each worker"]["reached"])
    passes = float(table[run, "passes over the rows of a fit"]["reached"])
    work = 2 * each * n_rows / 1e7 * n_columns / 50 / n_cores / 60
    reading = passes * n_bytes / speed / 60
    cost = max(work, reading) / 60 * n_cores * price
    minutes = f"work {work:.0f} min, reading {reading:.0f} min"
    print(f"{name}: passes {passes:.0f}, {minutes}, ${cost:.2f}")

# %% picture
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(8.2, 3.4), layout="constrained")
what = "CPU s of a fit, each worker"
runs = [data.split(" x 50, ") for data, asked in table if asked == what]
for name in dict.fromkeys(name for _, name in runs):
    sizes = [size for size, of in runs if of == name]
    seconds = [float(table[f"{size} x 50, {name}", what]["reached"]) for size in sizes]
    ax.loglog([int(size.replace(",", "")) for size in sizes], seconds, "o-", label=name)
ax.set(xlabel="rows of 50 columns, in files", ylabel="CPU seconds of each of two workers")
figure.legend(loc="outside right center", fontsize=8)
