# Two commands are enough: `make run` and `make test`. Both call `make setup` when needed.
# INDICIUM_RUNTIME=cpu|gpu|gpu-cuda12 overrides what set-up finds.   DIR=... names the photos to open.

PY := .venv/bin/python
LOCKS := $(wildcard packaging/requirements/*.txt)
APP := .venv/.indicium-app
DEV := .venv/.indicium-dev

.PHONY: help run test setup setup-app setup-dev lint format types bench results screenshots bundle wheel clean

help:
	@echo "make run [DIR=folder]   open the window (or, without a display, write a demonstration to demo/)"
	@echo "make test               run the tests"
	@echo "make setup              .venv with the application and its tests; run and test do what they need of it"
	@echo "make lint               ruff, mypy and the import contracts"
	@echo "make bench [PHOTOS=folder] [WORK=folder]   regenerate the measured figures (minutes to hours)"
	@echo "make screenshots        regenerate the pictures of every page"
	@echo "make results DATA=folder TEACHER=file [RUN=folder] [WORK=folder]   regenerate models/RESULTS.md (hours)"
	@echo "make bundle | wheel     build a one-folder program | a wheel into dist/"

# After `make setup` nothing needs the network any more; `make run` alone does without torch and the test tools.
setup setup-dev: $(DEV)
setup-app: $(APP)

$(APP): $(LOCKS) pyproject.toml packaging/setup.sh
	@bash packaging/setup.sh app

$(DEV): $(APP)
	@bash packaging/setup.sh dev

run: $(APP)
	@$(PY) -m desktop_app.ui.demo $(if $(DIR),"$(DIR)",)

test: $(DEV)
	$(PY) -m pytest

lint: $(DEV)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports

types: $(DEV)
	$(PY) -m mypy

format: $(DEV)
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: $(DEV)
	$(if $(PHOTOS),INDICIUM_BENCH_PHOTOS="$(PHOTOS)") $(if $(WORK),INDICIUM_BENCH_WORK="$(WORK)") $(PY) -m tests.bench

results: $(DEV)
	$(PY) -m models.results --data "$(DATA)" --teacher "$(TEACHER)" --work "$(or $(WORK),demo/results)" $(if $(RUN),--run "$(RUN)")

screenshots: $(DEV)
	$(PY) -m tests.bench.screenshots --out demo/screenshots

wheel: $(DEV)
	$(PY) -m build --wheel --outdir dist

bundle: $(DEV)
	$(PY) -m pip install -q "pyinstaller>=6.11"
	$(PY) -m PyInstaller --noconfirm --distpath dist --workpath build packaging/indicium.spec

clean:
	rm -rf build dist demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
