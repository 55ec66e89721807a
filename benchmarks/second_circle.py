"""What the estimators of the second circle promise, beside their peers and the papers' claims.

A section is a function (options) -> rows in a module `_second_<name>.py`, named in `SECTIONS`. One
thread; sets are read from the folder SKSUBSPACE_DATA, and are "absent" without it, as peers are
that are not installed (`pip install cca-zoo concept-erasure scikit-dimension metric-learn dppy
statsmodels`). The series of "signatures" are files of `aeon` (`pip install --no-deps aeon`).

    python benchmarks/second_circle.py
    python benchmarks/second_circle.py --sections alignment --seeds 1
"""

import warnings

from _common import Page, one_thread
from _second_alignment import alignment, known_truth
from _second_dimension import dimension
from _second_discriminants import discriminants, grassmann, quiet, targets
from _second_editing import editing
from _second_erasure import domains, erasure, low_rank
from _second_flops import flops
from _second_graph import graph
from _second_inference import inference
from _second_local import left_out, local
from _second_sampling import sampling
from _second_signatures import signatures
from _second_use import use
from sklearn.exceptions import ConvergenceWarning

# what a section is called on the command line and in the table: its function
SECTIONS = {
    "alignment": alignment,
    "known truth": known_truth,
    "erasure": erasure,
    "low rank": low_rank,
    "domains": domains,
    "editing": editing,
    "discriminants": quiet(discriminants),
    "grassmann": quiet(grassmann),
    "targets": quiet(targets),
    "dimension": dimension,
    "use": use,
    "graph": graph,
    "signatures": signatures,
    "flops": flops,
    "inference": inference,
    "sampling": sampling,
    "local": local,
    "local, left out": left_out,
}

TEXT = """Made by `python benchmarks/second_circle.py`, whose modules `_second_*.py` say what was
done. `reached` is the mean over the `n` seeds or splits beside it, `sd` their standard deviation.
`met` is "yes" if every single value meets what is asked, "mean only" if only their mean does, and
"no" where a promise, or a claim of a paper, failed. Rows without `asked` are for information.
Everything that is tuned is tuned on training rows."""

PAGE = Page("second_circle", "The second circle: asked and reached", TEXT, SECTIONS)


def main():
    parser = PAGE.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=None, help="fewer seeds than a section has")
    options = parser.parse_args()
    with one_thread(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* columns are constant")
        warnings.filterwarnings("ignore", message="The concept does not covary")
        warnings.filterwarnings("ignore", category=FutureWarning)
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        PAGE.run(options.sections, options)


if __name__ == "__main__":
    main()
