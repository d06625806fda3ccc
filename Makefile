# make sample: 100 molecules and their scores; make test: all checks; make bench: speed; make fuzz: 100,000 damaged files.
# make train-qm9: weights for QM9 from nothing; make train-qm9-quick: in an hour. Interrupted, they go on where they were.
# make train-qm9-latent: weights with latent hydrogens, in two hours of two cores.
# make train-qm9-fast: the student of the shipped weights for 8 evaluations.
# make train-qm9-conditional, train-qm9-properties, train-qm9-predictor: a generator conditioned on six properties and a reward
# model for its particles, on one half of the data, and their evaluator, on the other.
# make train-druglike: weights for drug-like molecules, from those for QM9; train-druglike-latent: with latent hydrogens.
# ARGS="--set num_processes=4" reaches `moldiff train` and `moldiff distill`. make evaluate: the figures of docs/benchmarks/.
# Each installs what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
THREADS ?= 2

# Huge pages for the large blocks of training and sampling; a tenth faster with glibc, nothing elsewhere.
FAST := OMP_NUM_THREADS=1 GLIBC_TUNABLES=glibc.malloc.hugetlb=1

.PHONY: sample test lint pytest fuzz bench train-qm9 train-qm9-quick train-qm9-latent train-qm9-fast train-qm9-conditional train-qm9-predictor train-qm9-properties train-druglike train-druglike-latent evaluate clean
.DELETE_ON_ERROR:

sample: $(INSTALLED)
	$(BIN)/moldiff sample --weights qm9 --num-samples 100 --num-steps 50 --seed 0 --out samples.sdf --overwrite

test: lint pytest

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/pydoclint --quiet moldiff scripts

# Shapes and types are checked at run time where parts are tested; whole commands and runs go without, several times faster.
WHOLE := tests/cli tests/tasks tests/end_to_end
pytest: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(THREADS) --dist loadfile $(addprefix --ignore=,$(WHOLE))
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(THREADS) --dist worksteal -o addopts="--timeout=600 -q" $(WHOLE)

fuzz: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzz.py --count 100000

bench: $(INSTALLED)
	$(BIN)/python scripts/benchmarks/speed.py

train-qm9: CONFIG := datasets/qm9/train.json
train-qm9-quick: CONFIG := datasets/qm9/train-quick.json
train-qm9-latent: CONFIG := datasets/qm9/train-latent.json
train-qm9-conditional: CONFIG := datasets/qm9/train-conditional.json
train-druglike: CONFIG := datasets/moses3d/train.json
train-qm9 train-qm9-quick train-qm9-latent train-qm9-conditional: stores/qm9/meta.json
train-druglike-latent: CONFIG := datasets/moses3d/train-latent.json
train-druglike train-druglike-latent: stores/moses3d/meta.json
train-qm9 train-qm9-quick train-qm9-latent train-qm9-conditional train-druglike train-druglike-latent: $(INSTALLED)
	$(FAST) $(BIN)/moldiff train --config $(CONFIG) --out runs/$(@:train-%=%) $(if $(wildcard runs/$(@:train-%=%)/last.ckpt),--resume) $(ARGS)

train-qm9-fast: $(INSTALLED) stores/qm9/meta.json
	$(FAST) $(BIN)/moldiff distill --out runs/qm9-fast $(if $(wildcard runs/qm9-fast/last.ckpt),--resume,--set num_processes=2) $(ARGS)

train-qm9-properties: SUBSET := --set 'subset=[0.5,1.0]'
train-qm9-predictor train-qm9-properties: $(INSTALLED) stores/qm9/meta.json
	$(FAST) $(BIN)/moldiff train-predictor --config datasets/qm9/train-predictor.json $(SUBSET) --out runs/$(@:train-%=%) $(if $(wildcard runs/$(@:train-%=%)/last.ckpt),--resume) $(ARGS)

evaluate: $(INSTALLED) stores/qm9/meta.json
	$(FAST) $(BIN)/python scripts/benchmarks/evaluate.py --seed 0 --seed 1 --seed 2 $(foreach n,5 10 20 50 100,--num-steps $(n))

stores/qm9/meta.json: $(INSTALLED)
	test -e $@ || $(BIN)/moldiff prepare qm9 --out stores/qm9
	touch $@

stores/moses3d/meta.json: $(INSTALLED)
	test -e $@ || $(BIN)/python -m pip install --quiet --no-deps molsets
	test -e $@ || $(BIN)/moldiff prepare moses3d --num-molecules 50000 --out stores/moses3d
	touch $@

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 11) else f"moldiff needs Python 3.11 or later, this is {v[0]}.{v[1]}; try: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis *.egg-info
