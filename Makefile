# Two commands: `make demo` and `make test`. They need python 3.11 or newer with pip and venv, and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:
SOURCES := departments orgadmin sandbox tests benchmarks scripts manage.py gunicorn.conf.py

.DEFAULT_GOAL := help
.PHONY: help demo test sweep check prove run bench image format lock messages screenshots

help: ## Say what there is
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime: requirements.txt | $(BIN)/python
	$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/dev: requirements-dev.txt | $(BIN)/python
	$(INSTALL) -r requirements-dev.txt
	@touch $(VENV)/runtime $@

demo: $(VENV)/runtime ## Run the product on a made-up company, on http://127.0.0.1:8000
	@$(BIN)/python manage.py demo $(if $(DEMO_DEPARTMENTS),--departments $(DEMO_DEPARTMENTS))

test: $(VENV)/dev ## Run the whole suite; browser tests where a Chromium is found
	$(BIN)/python -m coverage run -m pytest -m 'not proof and not browser' $(PYTEST) || [ $$? -eq 5 ] # 5: none was asked for
	$(BIN)/python -m pytest -m browser $(PYTEST) || [ $$? -eq 5 ]
	$(BIN)/python -m pytest -m proof $(PYTEST) || [ $$? -eq 5 ]
	$(BIN)/python -m coverage report
	$(BIN)/python -m coverage report --include='departments/dingtalk/*,departments/services/*' --fail-under=100

sweep: $(VENV)/dev ## Every kind of write through every fault and crash: nothing lost, doubled, unaudited or misreported
	$(BIN)/python -m tests.sweep $(SWEEP)

check: $(VENV)/dev ## Everything CI runs: style, types, contracts, templates, translations, migrations, tests
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djade --check --target-version 5.2 $$(git ls-files 'templates/*.html')
	$(BIN)/hadolint Dockerfile
	scripts/messages --check
	$(BIN)/python manage.py makemigrations --check --dry-run
	PUBLIC_URL=https://departments.example.com TRUSTED_PROXY_COUNT=1 $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(MAKE) -j2 --output-sync=target test sweep

prove: $(VENV)/dev ## The long proofs: other Pythons, other Djangos, other databases, as far as they are here
	scripts/prove

run: $(VENV)/runtime ## Prepare and serve, configured by environment variables (see README.md)
	$(BIN)/python manage.py prepare
	exec $(BIN)/gunicorn orgadmin.wsgi -c gunicorn.conf.py

bench: $(VENV)/dev ## Benchmarks, as counts and as ratios inside one run
	$(BIN)/python -m benchmarks

image: $(VENV)/dev ## Build the container image and try it, with buildah and no Docker engine
	scripts/check-image

format: $(VENV)/dev ## Put code and templates into their one form
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/djade --target-version 5.2 $$(git ls-files 'templates/*.html') || true

lock: ## Renew requirements*.txt from pyproject.toml (needs uv)
	scripts/lock --upgrade

messages: $(VENV)/dev ## Collect and compile the translations (needs gettext)
	scripts/messages

screenshots: $(VENV)/dev ## Remake the pictures under docs/
	SCREENSHOTS=1 $(BIN)/python -m pytest tests/browser/test_screenshots.py -p no:randomly
