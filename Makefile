# Two commands matter to a newcomer: `make run` (the main job on real data) and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
# torch alone is pinned, so that a CPU box finds its build; CI takes .ci/lock.txt, every version
CONSTRAINTS ?= constraints.txt
INSTALL := $(PIP) install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS)

# PyPI's torch for Linux brings gigabytes of CUDA libraries. A box without an NVIDIA driver takes
# the CPU build from torch's own index instead, unless that index does not answer within 5 seconds.
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu

export OMP_NUM_THREADS ?= 1
export MPLBACKEND ?= Agg

# what `make coverage` runs, such as `make coverage TESTS=tests/metrics`
TESTS ?=

.PHONY: run test test-slow coverage lint format docs bench bench-quick lock wheel clean

run: $(VENV)/.installed
	$(BIN)/sksubspace validate --out out --n-jobs 2

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2

test-slow: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 -m slow

coverage: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 --cov --cov-report= --cov-fail-under=0 $(TESTS)
	$(BIN)/coverage json --quiet --fail-under=0
	$(BIN)/coverage report
	$(BIN)/python .ci/branches.py

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict tests/typing
	$(BIN)/mypy sksubspace

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/.installed
	for script in $(filter-out benchmarks/quick.py,$(wildcard benchmarks/[a-z]*.py)); do \
	$(BIN)/python $$script || exit 1; done

bench-quick: $(VENV)/.installed
	$(BIN)/python benchmarks/quick.py

# needs uv
lock:
	uv pip compile --quiet --universal --python-version 3.11 --all-extras --upgrade --strip-extras \
	--no-annotate --custom-compile-command "make lock" --constraint constraints.txt \
	--output-file .ci/lock.txt pyproject.toml

wheel:
	PYTHON=$(PYTHON) .ci/wheel

clean:
	rm -rf out docs/_build docs/auto_examples docs/api/generated

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else \
	"sksubspace needs Python 3.11 or newer, and $(PYTHON) is %d.%d. Try: make PYTHON=python3.12" % v[:2])'
	@$(PIP) --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: pyproject.toml $(CONSTRAINTS) | $(VENV)/.created
	@echo "Installing into $(VENV); the first time takes some minutes."
	@if ! command -v nvidia-smi >/dev/null && $(BIN)/python -c 'import urllib.request; \
	urllib.request.urlopen("$(TORCH_CPU_INDEX)/torch/", timeout=5)' 2>/dev/null; then \
	$(INSTALL) --extra-index-url $(TORCH_CPU_INDEX) torch || true; fi
	$(INSTALL) --editable '.[dev]'
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(INSTALL) --editable '.[docs]'
	@touch $@
