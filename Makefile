# Everything lives in .venv, at the versions of constraints.txt. The second call of a target installs nothing.
#
#   make lab        start the lab and watch the quickstart experiment learn
#   make test       all tests            make check      ruff, mypy --strict on the core, the import order
#   make bench      speed, minutes       make notebook   the notebooks in JupyterLab
#   make trl        what fine-tuning a local checkpoint needs (1 GB; with a GPU more); make test tests it from then on
#   make clean      remove .venv and every cache; databases stay
#
# PYTHON=python3.12 make lab picks the interpreter; otherwise the first of these that is 3.11 or newer.
PYTHONS := $(if $(PYTHON),$(PYTHON),python3 python3.13 python3.12 python3.11)
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: lab test check bench notebook dev trl clean

lab: .venv/.lab
	@$(BIN)/sirius lab

test: .venv/.dev
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

check: .venv/.dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/test_architecture.py

bench: .venv/.dev
	@set -e; for script in endpoints store_queries pocket_vs_torch; do \
	    echo "== benchmarks/$$script.py"; $(BIN)/python benchmarks/$$script.py; done

notebook: .venv/.dev
	@$(BIN)/sirius notebook

dev: .venv/.dev

trl: .venv/.trl

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.lab: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the lab into .venv (once)"
	@$(INSTALL) -e '.[app,openai,serve]'
	@touch $@

.venv/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the lab and what its tests need into .venv (once)"
	@$(INSTALL) -e '.[app,openai,serve,notebook,dev]'
	@touch .venv/.lab $@

.venv/.trl: .venv/.dev
	@echo "Installing what fine-tuning needs into .venv (once)"
	@$(INSTALL) -e '.[trl]'
	@touch $@

$(BIN)/python:
	@for python in $(PYTHONS); do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "Sirius Lab needs Python 3.11 or newer; none of these is: $(PYTHONS)" >&2; exit 1; \
	fi; \
	if ! $$found -c 'import ensurepip, venv' 2>/dev/null; then \
	    version=$$($$found -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	    echo "$$found cannot make virtual environments; on Debian or Ubuntu: sudo apt install python$$version-venv" >&2; exit 1; \
	fi; \
	$$found -m venv .venv
