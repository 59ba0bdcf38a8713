# make check PYTHON=.venv/bin/python    what CI runs
PYTHON ?= .venv/bin/python

.PHONY: install check format docs gallery bench accuracy healthy constraints clean

install: ## an environment in .venv with everything a developer needs
	python3 -m venv .venv
	.venv/bin/pip install -q -c constraints.txt -e '.[dev]'

check: ## every check a change must pass
	$(PYTHON) tools/check.py

format: ## rewrite what the formatter and the linter can mend
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

docs: ## renew the generated parts of the documentation
	$(PYTHON) tools/docs.py

gallery: ## draw the pictures of docs/plots anew
	$(PYTHON) tools/gallery.py

bench: ## time the reading of large logs (needs the extra "bench")
	for script in bench/*_speed.py; do $(PYTHON) $$script || exit 1; done

accuracy: ## measure on labelled logs, LOGS="folder ...", and write docs/accuracy.md
	$(PYTHON) -m tools.accuracy $(LOGS)

healthy: ## train a thousand small models and count the false alarms
	$(PYTHON) bench/healthy_runs.py

constraints: ## renew constraints.txt from what pip chooses today
	rm -rf .venv-constraints
	python3 -m venv .venv-constraints
	.venv-constraints/bin/pip install -q -e '.[dev,bench]'
	{ echo '# Exact versions of everything the checks and the benchmarks install; renewed with `make constraints`.'; \
	  echo '# A build of torch for CPUs alone (2.13.0+cpu) satisfies the pin, too, and is much smaller.'; \
	  .venv-constraints/bin/pip freeze --exclude-editable | sed -e 's/+cpu$$//' -e '/^nvidia-/d' -e '/^triton==/d'; \
	} > constraints.txt
	rm -rf .venv-constraints

clean:
	rm -rf .venv .venv-constraints build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
