"""How the command ends, whatever happens in it."""

import subprocess
import sys
from pathlib import Path

import pytest

import sksubspace
from sksubspace._teachers import ROWS_FOR, TEACHERS
from sksubspace.cli import main
from sksubspace.cli._arguments import parse

ROOT = Path(sksubspace.__path__[0]).parent
TRANSFORM = ["transform", "model.skops", "data.csv"]


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )


def fail_with(monkeypatch, error):
    def run(options, terminal):
        raise error

    monkeypatch.setattr("sksubspace.cli._apply.transform", run)


@pytest.mark.parametrize("words", [[], ["validate"], ["transform"], ["shift"]])
def test_help(words, capsys):
    assert main([*words, "--help"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"usage: {' '.join(['sksubspace', *words])} ")
    assert err == ""


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"sksubspace {sksubspace.__version__}\n"


def test_python_m_has_the_same_name():
    out = python("import runpy, sys; sys.argv[1:] = ['--version']; "
                 "runpy.run_module('sksubspace', run_name='__main__')")  # fmt: skip
    assert out.stdout == f"sksubspace {sksubspace.__version__}\n"


def test_help_imports_nothing_heavy():
    code = "import sys; from sksubspace.cli import main; main(['--help']); print(*sys.modules)"
    loaded = set(python(code).stdout.split())
    assert not {"numpy", "pandas", "sklearn", "torch", "rich", "skops"} & loaded


def test_a_mistake_of_the_program_is_told_apart(monkeypatch, capsys):
    fail_with(monkeypatch, KeyError("lost"))
    assert main(TRANSFORM) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "the program failed with KeyError: 'lost'" in err
    assert "--debug" in err
    with pytest.raises(KeyError):
        main([*TRANSFORM, "--debug"])


def test_too_little_memory_says_what_to_try(monkeypatch, capsys):
    fail_with(monkeypatch, MemoryError())
    assert main(TRANSFORM) == 1
    assert "not enough memory; try --n-jobs 1" in capsys.readouterr().err


def test_an_error_of_the_system_is_one_line(monkeypatch, capsys):
    fail_with(monkeypatch, OSError(28, "No space left on device", "places.csv"))
    assert main(TRANSFORM) == 2
    expected = "sksubspace: error: places.csv: No space left on device\n"
    assert capsys.readouterr().err == expected


def test_ctrl_c(monkeypatch, capsys):
    fail_with(monkeypatch, KeyboardInterrupt())
    assert main(TRANSFORM) == 130
    expected = "sksubspace: interrupted; the same command continues\n"
    assert capsys.readouterr().err == expected


def test_a_reader_that_leaves_is_no_error(monkeypatch, capsys):
    fail_with(monkeypatch, BrokenPipeError())
    monkeypatch.setattr("sksubspace.cli._leave_broken_pipe", lambda: 0)
    assert main(TRANSFORM) == 0
    assert capsys.readouterr().err == ""


def test_head_closes_the_pipe_without_a_traceback():
    code = "from sksubspace.cli._say import Terminal; from sksubspace.cli import main\n"
    code += "import sys, sksubspace.cli._apply as verbs\n"
    code += (
        "verbs.shift = lambda options, terminal: [terminal.say('x' * 99) for _ in range(9999)]\n"
    )
    code += "sys.exit(main(['shift', 'model', 'data']))"
    command = f'{sys.executable} -c "$CODE" | head -1; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, cwd=ROOT,
        env={"CODE": code, "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.stdout == "x" * 99 + "\n"
    assert done.stderr == ""
    assert done.returncode == 0


def test_warnings_are_one_line_each_and_once(monkeypatch, capsys):
    import warnings

    def run(options, terminal):
        for _ in range(3):
            warnings.warn("looks\nodd\x1b", UserWarning, stacklevel=1)
        return 0

    monkeypatch.setattr("sksubspace.cli._apply.transform", run)
    before = warnings.showwarning
    assert main(TRANSFORM) == 0
    assert capsys.readouterr().err == "warning: looks odd\\x1b\n"
    assert main([*TRANSFORM, "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert warnings.showwarning is before


def test_every_shorthand_has_what_the_command_line_needs():
    assert len({one.title for one in TEACHERS.values()}) == len(TEACHERS)
    for one in TEACHERS.values():
        assert set(one.grid) <= set(ROWS_FOR) & set(one.make().get_params())


def test_parsed_words():
    words = ["validate", "a.csv", "--drop", "x", "y", "--drop", "z", "--image-shape", "8x4"]
    options = parse([*words, "--delimiter", "tab", "--n-jobs", "-1"])
    assert options.drop == ["x", "y", "z"]
    assert options.image_shape == (8, 4)
    assert options.delimiter == "\t"
    assert options.n_jobs == -1
    assert options.command == ["sksubspace", *words, "--delimiter", "tab", "--n-jobs", "-1"]
    assert parse(["validate"]).n_jobs in range(1, 5)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--n-jobs", "0"], "at least 1"),
        (["--seed", "-1"], "at least 0"),
        (["--seed", str(2**32)], "at least 0"),
        (["--repeats", "x"], "'x'"),
        (["--delimiter", "ab"], "one character or comma"),
        (["--image-shape", "0x8"], "like 8x8"),
        (["--method", "guess"], "choose from"),
        (["--max-rows", "49"], "at least 50"),
        (["--colour"], "unrecognized arguments: --colour"),
        (["--lable", "kind"], "--lable; is it --label? (see: sksubspace validate --help)"),
        (["--race"], "arguments: --race; is it --no-race? (see: sksubspace"),
    ],
)
def test_words_that_make_no_sense(words, text, capsys):
    assert main(["validate", *words]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert text in err
    assert "see: sksubspace" in err


def test_more_folds_than_rows_are_refused_before_any_estimate(capsys):
    assert main(["validate", "--cv", "2000"]) == 2
    err = capsys.readouterr().err
    assert "--cv 2000: there are 1,797 rows; take at most as many" in err
    assert "minutes" not in err


def test_a_report_is_a_page(capsys):
    assert main(["validate", "--report", "report.pdf"]) == 2
    assert "--report must end in .html, got report.pdf" in capsys.readouterr().err
