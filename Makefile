# One word for one job: the same words stand in README, CI and docs.
# `make demo` and `make test` need make and a python3 (3.11 or newer) with venv; they make .venv themselves.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test proofs lint bench properties pictures lock clean
.DEFAULT_GOAL := help

help:
	@echo "make demo        the sandbox, the bot and the page; no token needed"
	@echo "make test        all tests"
	@echo "make proofs      tests that take long: a hundred conversations, a thousand races, the image's steps"
	@echo "make lint        ruff, mypy, import-linter"
	@echo "make bench       the benchmarks"
	@echo "make properties  pages at every prefix of every document (minutes; READMES=folders, SECONDS_OF_FUZZ=600)"
	@echo "make pictures    the README's pictures, taken anew in Chromium"
	@echo "make lock        resolve requirements/ anew (needs uv)"

.venv: requirements/dev.txt pyproject.toml deploy/make-venv.sh
	@PYTHON="$(PYTHON)" sh deploy/make-venv.sh
	@touch .venv

demo: .venv
	@$(BIN)/inkstream demo

# Where bytecode may not be kept, each worker and each bot would compile all of it for itself.
test: .venv
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -m timed $$(grep -rl --include='*.py' mark.timed tests)

proofs: .venv
	@$(BIN)/python -m pytest -n 4 --dist load -m long

lint: .venv
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: .venv
	@$(BIN)/python -m bench pacing
	@$(BIN)/python -m bench pages

properties: .venv .corpora
	@$(BIN)/python -m pytest -m properties --hypothesis-profile searching -s tests

# The specifications' examples, out of a package that carries them: their licence is not ours. Without them those tests are skipped.
.corpora:
	@$(PYTHON) -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest .corpora marko==2.2.4 || mkdir -p .corpora

pictures: .venv
	@$(BIN)/python -m tests.page.pictures docs

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet --upgrade pyproject.toml -o requirements/run.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet --extra dev -c requirements/run.txt pyproject.toml -o requirements/dev.txt
	echo hatchling | uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet -c requirements/dev.txt - -o requirements/build.txt

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
