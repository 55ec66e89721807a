"""Subclass discriminants, Grassmann classifiers and target embeddings beside their peers.

python benchmarks/second_circle_discriminants.py [--sections discriminants grassmann targets]

LFDA needs metric_learn, and is left out where it is not installed.
"""

import argparse

from _common import one_thread, print_table, read_csv, write_page
from _second_discriminants import discriminants, grassmann, quiet, targets

SECTIONS = {"discriminants": discriminants, "grassmann": grassmann, "targets": targets}
TEXT = (
    "Accuracy on held-out rows unless told else, splits of 70/30, `n` of them; of USPS 2,500 rows "
    "or 2,000, of wine, digits,\nCOIL-20 and ORL all. CPU seconds of one thread, as ratios. What "
    'papers claim and did not come out is a row "failed claim",\nasked as they claim it. Made by '
    "`python benchmarks/second_circle_discriminants.py`."
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sections", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    name = "second_circle_discriminants"
    for section in options.sections:
        with one_thread():
            found = quiet(SECTIONS[section], options)
        print_table(found)
        kept = [row for row in read_csv(f"{name}.csv") if row["section"] != section]
        rows = sorted([*kept, *found], key=lambda row: list(SECTIONS).index(row["section"]))
        write_page(name, "Discriminants of the second circle", TEXT, rows)


if __name__ == "__main__":
    main()
