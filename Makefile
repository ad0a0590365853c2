# Two commands on a fresh machine: `make rehearse` and `make test`. Needs python3 (3.11 or newer), git and make.
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN = $(UV) run --frozen --no-sync
ARGS ?=
# Trust whom this machine trusts: behind a company's proxy uv's own list is not enough.
export UV_SYSTEM_CERTS ?= true

.DEFAULT_GOAL := help
.PHONY: help rehearse drill serve test test-slow test-ui screenshots prove check format bench bench-balancer bench-clicks bench-judge bench-scale record clean

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 18

rehearse: .venv/.synced ## a whole release on the twin, end to end; ARGS="--fault errors-30" makes it come home
	@$(RUN) greenflow rehearse $(ARGS)

drill: .venv/.synced ## a release that must come home by itself
	@$(RUN) greenflow drill $(ARGS)

serve: .venv/.synced ## everything on this machine, to click through in a browser; ARGS="--fault errors-30"
	@$(RUN) greenflow serve --environment rehearsal $(ARGS)

test: .venv/.synced ## all tests, the twin's real parts included, with a sample of the slow ones
	@$(RUN) pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow" $(ARGS)

test-slow: .venv/.synced ## what takes minutes: more faults rehearsed, bigger data, more of each
	@$(RUN) pytest tests/core --hypothesis-profile many
	@$(RUN) pytest -m slow $(ARGS)

test-ui: .venv/.synced ## a release clicked through in this machine's Chromium
	@$(RUN) pytest -m ui $(ARGS)

screenshots: .venv/.synced ## make the README's pictures anew, by the same clicks
	@mkdir -p docs/images && SCREENSHOTS=docs/images $(RUN) pytest -m "ui and slow"

prove: .venv/.synced ## kill releases at every effect, break every call, and write PROOF.md: 25 minutes
	@$(RUN) python -m deployments.prove $(ARGS)

check: .venv/.synced ## format, lint, types, import contracts
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) mypy
	@$(RUN) lint-imports

format: .venv/.synced ## put the code into its form
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix .

bench: .venv/.synced ## whole releases: ours beside the guide's own commands; ARGS="--readme README.md" writes the figures
	@$(RUN) python -m deployments.bench.release $(ARGS)

record: .venv/.synced ## both rehearsals as the README shows them; ARGS="--readme README.md" writes them there
	@$(RUN) python -m deployments.bench.recording $(ARGS)

bench-balancer: .venv/.synced ## requests a second through the twin's load balancer
	@$(RUN) python -m deployments.twin.load_balancer_bench

bench-clicks: .venv/.synced ## from a click in Slack to the shifted weight, on the twin; ARGS="--releases 5"
	@$(RUN) python -m deployments.bench.clicks $(ARGS)

bench-judge: .venv/.synced ## the judge against simulated releases, beside the rules it replaces
	@$(RUN) python -m deployments.bench.judge $(ARGS)

bench-scale: .venv/.synced ## 200 releases that wait for people at once, 1,000 that are over in the ledger
	@$(RUN) python -m deployments.bench.scale $(ARGS)

clean: ## remove what was installed and built here
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache reports

.venv/.synced: pyproject.toml uv.lock $(filter .tools/bin/uv,$(UV))
	@$(UV) sync --frozen --quiet
	@touch $@

.tools/bin/uv:
	@echo "installing uv into .tools"
	@python3 -m venv .tools || { echo "python3 has no venv here: install python3-venv"; exit 1; }
	@.tools/bin/python -m pip install --quiet 'uv>=0.8,<1'
