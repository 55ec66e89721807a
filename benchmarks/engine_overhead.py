"""CPU time of the training engine against a bare torch loop that makes the same steps.

Both sides minimise the same loss with the same fused AdamW, the same learning rate at every step
and the same order of the rows, on one thread. They take turns, the first pair of turns is not
counted, and the ratio of the CPU times of each pair is reported: median, smallest and largest.

    python benchmarks/engine_overhead.py
"""

import argparse
import copy
import csv
import math
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits
from torch import nn

from sksubspace._torch.hooks import one_cycle
from sksubspace._torch.modules import mlp
from sksubspace._torch.random import seeded_module
from sksubspace._torch.training import train

RESULTS = Path(__file__).parent / "results"
PEAK = 2e-3
WEIGHT_DECAY = 1e-2


@dataclass(frozen=True)
class Case:
    sizes: tuple
    batch_size: int
    autoencoder: bool
    asked: float | None
    n_steps: int

    @property
    def name(self):
        mirrored = self.sizes + self.sizes[-2::-1] if self.autoencoder else self.sizes
        return "-".join(map(str, mirrored)) + f", batch {self.batch_size}"


CASES = (
    Case((784, 256, 64, 10), 256, True, 1.05, 200),
    Case((64, 16, 2), 64, True, 1.35, 1500),
    Case((784, 32, 10), 256, False, None, 600),
    Case((64, 256, 256, 2), 128, False, None, 600),
)


class Reconstruction(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.encoder, self.decoder = mlp(sizes, "relu"), mlp(sizes[::-1], "relu")

    def forward(self, batch):
        return (self.decoder(self.encoder(batch[0])) - batch[0]).square().mean()


class Regression(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.net = mlp(sizes, "relu")

    def forward(self, batch):
        return (self.net(batch[0]) - batch[1]).square().mean()


def bare_loop(objective, data, case, n_epochs):
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(
        objective.parameters(), lr=PEAK, weight_decay=WEIGHT_DECAY, fused=True
    )
    n_rows = len(data[0])
    n_steps, step, curve = n_epochs * math.ceil(n_rows / case.batch_size), 0, []
    objective.train()
    for _ in range(n_epochs):
        total = torch.zeros(())
        for index in torch.randperm(n_rows, generator=generator).split(case.batch_size):
            for group in optimizer.param_groups:
                group["lr"] = one_cycle(step, n_steps, PEAK, 0.05)
            optimizer.zero_grad()
            loss = objective(tuple(rows[index] for rows in data))
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(index)
            step += 1
        curve.append(total.item() / n_rows)
    return curve


def engine(objective, data, case, n_epochs):
    return train(
        objective,
        data,
        max_iter=n_epochs,
        batch_size=case.batch_size,
        learning_rate=PEAK,
        weight_decay=WEIGHT_DECAY,
        generator=torch.Generator().manual_seed(0),
    ).loss_curve


def make_problem(case, n_rows=2048):
    generator = torch.Generator().manual_seed(0)
    kind = Reconstruction if case.autoencoder else Regression
    objective = seeded_module(lambda: kind(case.sizes), generator)
    widths = case.sizes[:1] if case.autoencoder else (case.sizes[0], case.sizes[-1])
    return objective, tuple(torch.rand(n_rows, width, generator=generator) for width in widths)


def cpu_seconds(loop, objective, data, case, n_epochs):
    objective = copy.deepcopy(objective)
    start = time.process_time()
    curve = loop(objective, data, case, n_epochs)
    return time.process_time() - start, curve


def compare(case, n_pairs):
    """Time pairs of turns; whoever goes first alternates."""
    objective, data = make_problem(case)
    n_epochs = math.ceil(case.n_steps * case.batch_size / len(data[0]))
    pairs = []
    for turn in range(n_pairs + 1):
        loops = (engine, bare_loop) if turn % 2 else (bare_loop, engine)
        results = {loop: cpu_seconds(loop, objective, data, case, n_epochs) for loop in loops}
        for ours, theirs in zip(results[engine][1], results[bare_loop][1], strict=True):
            assert math.isclose(ours, theirs, rel_tol=1e-5), "the two loops do different work"
        pairs.append((results[engine][0], results[bare_loop][0]))
    return summarise(case, n_epochs * math.ceil(len(data[0]) / case.batch_size), pairs[1:])


def summarise(case, n_steps, pairs):
    ratios = sorted(ours / theirs for ours, theirs in pairs)
    median = statistics.median(ratios)
    per_step = [1e6 * statistics.median(seconds) / n_steps for seconds in zip(*pairs, strict=True)]
    met = "" if case.asked is None else ("yes" if median <= case.asked else "no")
    return {
        "case": case.name,
        "steps": n_steps,
        "engine_us_per_step": round(per_step[0], 1),
        "bare_us_per_step": round(per_step[1], 1),
        "asked": "" if case.asked is None else f"<= {case.asked}",
        "reached": round(median, 3),
        "smallest": round(ratios[0], 3),
        "largest": round(ratios[-1], 3),
        "met": met,
    }


def as_markdown(rows):
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([*row.values()] for row in rows)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def write_results(rows, n_pairs):
    RESULTS.mkdir(exist_ok=True)
    with open(RESULTS / "engine_overhead.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    text = (
        f"# Overhead of the training engine\n\nCPU time of `train` divided by that of a bare torch "
        f"loop, {n_pairs} pairs of turns, one thread,\ntorch {torch.__version__}. `reached` is the "
        f"median ratio; `python benchmarks/engine_overhead.py` makes this page.\n\n"
    )
    (RESULTS / "engine_overhead.md").write_text(text + as_markdown(rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=11, help="pairs of turns (default: 11)")
    n_pairs = parser.parse_args().pairs
    torch.set_num_threads(1)
    with threadpool_limits(1):
        rows = [compare(case, n_pairs) for case in CASES]
    write_results(rows, n_pairs)
    print(as_markdown(rows), end="")


if __name__ == "__main__":
    main()
