# Two commands for everybody: `make demo` and `make test`. The others are parts of them, or longer.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# constraints.txt is a tried set for Python 3.11; other versions install by the bounds in pyproject.toml.
TRIED := $(shell $(PYTHON) -c 'import sys; print("-c constraints.txt" if sys.version_info[:2] == (3, 11) else "")')
WHERE := $(if $(PIP_FIND_LINKS),--find-links $(PIP_FIND_LINKS)) $(if $(TORCH_BACKEND),--torch-backend $(TORCH_BACKEND))

# Tests start Python some hundred times: what it compiled is kept, also where the environment says otherwise.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test tests setup lint types test-all bench peers pages browser cluster clean

demo: setup  ## the whole road on data that installed packages carry
	$(BIN)/python -m flows.demo

test: setup browser cluster  ## everything that CI runs; types are checked beside the first tests, as that takes one core
	$(MAKE) --no-print-directory -j2 types tests

tests: lint
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not long and not gpu"

setup: $(VENV)/.ready  ## install, nothing else

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check uv
	$(BIN)/uv pip install -q --python $(BIN)/python $(WHERE) $(TRIED) --compile-bytecode -e '.[all,dev,stats]'
	touch $@

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

# The page test opens a real browser. Where there is none, and Debian's can be installed, it is.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq chromium >/dev/null; } || \
	  echo "no browser and none installable: the page test will be skipped"

# Trainings on a cluster are tested on a SLURM of the tests' own; where it is not installed, and Debian's can be, it is.
cluster:
	@PATH="$$PATH:/usr/sbin" command -v slurmctld >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq slurm-wlm >/dev/null; } || \
	  echo "no SLURM and none installable: its tests will be skipped"

test-all: setup browser cluster lint types  ## also what takes long, and the GPU's tests where there is one
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

bench: setup  ## the numbers in docs/experiments.md; ROW=name runs one of them
	$(BIN)/python -m tests.benchmarks $(ROW)

peers: setup  ## other libraries beside ours; SET=m4_weekly, PEER=neuralforecast:LSTM, SEED=2 or ENVIRONMENTS=DIR narrow it, RESUME=1 goes on
	$(BIN)/python -m tests.benchmarks.peers $(if $(SET),--set $(SET)) $(if $(PEER),--peer $(PEER)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(ENVIRONMENTS),--environments $(ENVIRONMENTS)) $(if $(RESUME),--resume)

pages: setup  ## docs/models.md, detectors.md, parts.md and the table in docs/sources.md, from the plug-ins' own words
	$(BIN)/python -m tests.model_pages
	$(BIN)/python -m tests.part_pages
	$(BIN)/python -m tests.source_pages

clean:
	rm -rf $(VENV) demo-project build *.egg-info
