# make sample: 100 molecules and their scores; make test: all checks; make bench: speed. Each installs what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
THREADS ?= 2

.PHONY: sample test lint pytest bench clean
.DELETE_ON_ERROR:

sample: $(INSTALLED)
	$(BIN)/moldiff sample --weights qm9 --num-samples 100 --num-steps 50 --seed 0 --out samples.sdf --overwrite

test: lint pytest

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/pydoclint --quiet moldiff scripts

pytest: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(THREADS) --dist loadfile

bench: $(INSTALLED)
	$(BIN)/python scripts/bench.py

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 11) else f"moldiff needs Python 3.11 or later, this is {v[0]}.{v[1]}; try: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis *.egg-info
