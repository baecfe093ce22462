# make run [PORT=8000] [DATA=.data] [DEMO=0]   install what is missing, start everything, Ctrl-C stops it
# make test [ARGS=…]                           pytest, on servers of its own; also while `make run` is up
# make check                                   format, lint, types, templates, imports, migrations, links, locks
# make bench [ARGS=audit|repairs]              how fast events are taken and sagas repaired, beside what could be
# make anomalies                               write the table of docs/anomalies.md from the code
# make lock                                    pin pyproject.toml's dependencies (needs uv)

PYTHON ?= $(shell command -v python3.11 || command -v python3)
IN_VENV = .venv/bin/python
# For pytest: what to run, and how (ARGS="tests/stack -n 0 -x").
ARGS ?=

.PHONY: run test check bench anomalies lock python runtime dev

run: runtime
	@exec $(IN_VENV) -m console.stack

test: dev
	@exec $(IN_VENV) -m pytest -n 3 --dist loadgroup $(ARGS)

check: dev
	$(IN_VENV) -m ruff format --check .
	$(IN_VENV) -m ruff check .
	$(IN_VENV) -m mypy console compensation sagas verifier
	git ls-files -z '*.html' | xargs -0 .venv/bin/djade --check --target-version 5.2
	.venv/bin/lint-imports
	$(IN_VENV) .ci/project.py
	$(IN_VENV) .ci/links.py
	$(IN_VENV) .ci/locks.py check
	$(IN_VENV) .ci/anomalies.py check

bench: runtime
	@exec $(IN_VENV) -m tests.bench $(ARGS)

anomalies: dev
	$(IN_VENV) .ci/anomalies.py make

lock: dev
	$(IN_VENV) .ci/locks.py make

runtime: python
	@$(PYTHON) -I console/stack/install.py requirements.lock

dev: python
	@$(PYTHON) -I console/stack/install.py requirements-dev.lock

python:
	@test -n "$(PYTHON)" || { echo "Amends needs Python 3.11 or newer, and there is none." >&2; exit 1; }
