# make sweep    train the study experiments/activations.yaml and write its report
# make test     run the test suite, but for the slow tests; make test-slow runs those
# make fuzz     ten minutes (FUZZ_S=600) of random input: tests/fuzz again and again, until something is found
# make lint     check style, format and types
# make findings STUDY=irnn    train a study until its claims are decided, and write its numbers into its page
# make bench    measure the speed claims
# make docs     build the pages as a site, in site/
# Each makes .venv and installs what it needs first.  Settings: PYTHON=python3.12   ARGS="key=value ..."

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# Every word of ARGS in single quotes, so that the shell leaves seed=range(20) alone.
quote := '
words = $(foreach word,$(ARGS),'$(subst $(quote),'\'',$(word))')
# More seeds until all claims are decided, unless ARGS say which seeds.
seeds = $(if $(filter seed=% until=%,$(ARGS)),,until=decided)

FUZZ_S ?= 600

STUDIES := $(sort $(basename $(notdir $(wildcard experiments/*.yaml))))
chosen = $(if $(filter all,$(STUDY)),$(STUDIES),$(filter $(STUDIES),$(STUDY)))

.PHONY: sweep findings test test-slow fuzz lint bench docs clean
.DELETE_ON_ERROR:

# Tests start hundreds of processes: each would compile the sources again where the environment forbids to keep them.
test test-slow fuzz: export PYTHONDONTWRITEBYTECODE :=

sweep: $(VENV)/.installed
	$(BIN)/rnnlab -m experiment=activations $(seeds) $(words)

findings: $(VENV)/.installed
	$(if $(chosen),,$(error STUDY=$(STUDY): must be all or one of $(STUDIES)))
	for study in $(chosen); do \
		name=$${study}$(if $(filter scale=full,$(ARGS)),_full); \
		$(BIN)/rnnlab -m experiment=$$study $(seeds) $(if $(seeds),first_seeds=20) $(words) hydra.sweep.dir=outputs/findings/$$name && \
		$(BIN)/rnnlab-report outputs/findings/$$name --fill experiments/$$name.md || exit 1; done
	$(BIN)/rnnlab-report --fill docs/findings.md

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(words)

test-slow: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m slow -n auto --maxprocesses 4 $(words)

fuzz: export RNNLAB_FUZZ = random
fuzz: $(VENV)/.installed-test
	end=$$(($$(date +%s) + $(FUZZ_S))); while [ $$(date +%s) -lt $$end ]; do \
		$(BIN)/python -m pytest tests/fuzz -p no:cacheprovider -n auto --maxprocesses 4 $(words) || exit 1; done

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed
	$(BIN)/python benchmarks/step.py
	$(BIN)/python benchmarks/sweep.py

docs: $(VENV)/.installed-docs
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet --conf-dir docs/site . site
	@echo site/index.html

clean:
	rm -rf $(VENV) site

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "rnnlab needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.txt
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --editable .
	$(BIN)/python -m rnnlab.nets.backends.ready
	@touch $@

$(VENV)/.installed-test: requirements-test.txt $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements-test.txt
	@touch $@

$(VENV)/.installed-docs: requirements-docs.txt | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements-docs.txt
	@touch $@
