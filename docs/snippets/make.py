"""Run the snippets of the pages, and write beside each what it printed and what it drew.

    python docs/snippets/make.py                 # all of them
    python docs/snippets/make.py readme tutorial # some
    python docs/snippets/make.py --out FOLDER    # elsewhere, to compare

A snippet is a file `<page>.py`, or `<page>.sh` of commands. It is run from an empty folder, with
single threads. `<page>.txt` is what it printed, `<page>.png` the figure that it left open. Lines
`# %% <name>` cut it into sections, which run one after the other and have files
`<page>_<name>.txt` and `.png` of their own. A snippet that needs a file of the folder
`SKSUBSPACE_DATA` says so in its first line (`# data: pbmc_donors.npz`) and is left out, with a
note, where there is none: what is shown of it stays as it is. The maps of UMAP and t-SNE that a
snippet draws are kept in `maps/<page>.npz`, for the test that compares (see `_maps.py`).
"""

import argparse
import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DPI = 110
# a figure that is wider than MOST_PIXELS is drawn at a lower resolution, with USUAL_PIXELS
USUAL_PIXELS, MOST_PIXELS = 900, 1000
MOST_BYTES = 80_000
# a figure is stored with so many colours, the first that makes it small enough
PALETTES = (256, 128, 64, 32)
THREADS = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}


def snippets():
    """Return the files of all snippets."""
    files = [path for path in HERE.iterdir() if path.suffix in (".py", ".sh")]
    return sorted(path for path in files if path.name not in (Path(__file__).name, "_maps.py"))


def lacks(path):
    """Return the name of the data file that a snippet needs and that is not there, or None."""
    needs = re.match(r"# data: (\S+)", path.read_text())
    folder = Path(os.environ.get("SKSUBSPACE_DATA", ""))
    return needs[1] if needs and not (folder / needs[1]).is_file() else None


def make(path, out=HERE, replay=False):
    """Run one snippet in a process of its own, and return the files that it gave.

    `replay` says whether maps are those that were recorded when its files were made.
    """
    before = {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    here = {"MPLBACKEND": "Agg", "COLUMNS": "80", "PATH": _path(), "PYTHONWARNINGS": "ignore"}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--run", str(path), "--out", str(Path(out).resolve())]
        command += ["--replay"] * replay
        done = subprocess.run(
            command, cwd=folder, env=os.environ | THREADS | before | here, text=True,
            stdout=subprocess.PIPE,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{path.name} failed; its own message stands above.")
    return [Path(line) for line in done.stdout.splitlines()]


def same_text(shown, now, relative=0.1, absolute=0.02):
    """Whether two outputs have the same words, and numbers that are nearly the same."""
    words, numbers = _taken_apart(shown)
    other_words, other_numbers = _taken_apart(now)
    return words == other_words and all(
        abs(a - b) <= max(absolute, relative * max(abs(a), abs(b)))
        for a, b in zip(numbers, other_numbers, strict=True)
    )


def _taken_apart(text):
    """Return the words of a text, with `#` for each number, and the numbers."""
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    number = re.compile(r"[-+−]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?")
    values = [float(found.replace("−", "-")) for found in number.findall(text)]
    return number.sub("#", text).split(), values


def _path():
    """Return a PATH with the command `sksubspace` of this Python in front."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def _run(path, out, replay):
    """Run the sections of a snippet, in the folder and the process that there are."""
    from _maps import recorded, replayed

    space, text = {"__name__": "__main__"}, path.read_text()
    name = Path("maps") / f"{path.stem}.npz"
    with replayed(text, HERE / name) if replay else recorded(text, out / name):
        for name, start, code in _sections(text):
            stem = "_".join(filter(None, (path.stem, name)))
            if path.suffix == ".py":
                said = _python(path, start, code, space)
            else:
                said = _shell(code)
            if said:
                print(_written(out / f"{stem}.txt", said))
            if path.suffix == ".py" and _has_figure():
                print(_drawn(out / f"{stem}.png"))


def _sections(text):
    """Yield name, number of lines before and code of each section; one of no name comes first."""
    parts = re.split(r"^# %% (\w+).*\n", text, flags=re.MULTILINE)
    before = 0
    for name, code in zip(["", *parts[1::2]], parts[::2], strict=True):
        before += bool(name)
        if code.strip():
            yield name, before, code
        before += code.count("\n")


def _python(path, start, code, space):
    """Return what a section of Python prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        # numbers of lines are those of the file
        exec(compile("\n" * start + code, str(path), "exec"), space)
    return printed.getvalue()


def _shell(code):
    """Return commands, paragraph by paragraph, and what a terminal shows of them."""
    shown = []
    for command in filter(None, (part.strip() for part in code.split("\n\n"))):
        done = subprocess.run(
            ["bash", "-c", command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        shown.append(f"$ {command}\n{done.stdout}")
    return "\n".join(shown)


def _written(path, text):
    """Write the text, without blanks at ends of lines, and return the path."""
    lines = [line.rstrip() for line in text.rstrip().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    return path


def _has_figure():
    plt = sys.modules.get("matplotlib.pyplot")
    return plt is not None and bool(plt.get_fignums())


def _drawn(path):
    """Write the last figure as a small file, close all, and return the path."""
    import matplotlib.pyplot as plt
    from PIL import Image

    image = _image(DPI)
    if image.width > MOST_PIXELS:
        image = _image(DPI * USUAL_PIXELS / image.width)
    plt.close("all")
    for n_colors in PALETTES:
        small = image.quantize(n_colors, dither=Image.Dither.NONE)
        small.save(path, optimize=True)
        if path.stat().st_size <= MOST_BYTES:
            return path
    raise ValueError(f"{path.name} takes {path.stat().st_size:,} bytes; at most {MOST_BYTES:,} do.")


def _image(dpi):
    import matplotlib.pyplot as plt
    from PIL import Image

    buffer = io.BytesIO()
    plt.gcf().savefig(buffer, dpi=dpi, bbox_inches="tight", facecolor="white")
    return Image.open(buffer).convert("RGB")


def main():
    """Make what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="pages; none: all")
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--replay", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        return _run(asked.run, asked.out, asked.replay)
    for path in snippets():
        if not asked.names or path.stem in asked.names:
            missing = lacks(path)
            made = [] if missing else [file.name for file in make(path, asked.out)]
            print(f"{path.name}: {', '.join(made) if made else f'left out, needs {missing}'}")


if __name__ == "__main__":
    main()
