# Every target sets up what it needs. `make` alone lists them.

.PHONY: help run test test-clients test-browser lint format audit bench soak chaos

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

# One program a line, in the shell's place (`exec`): make passes SIGTERM on to it and waits for its end.
run: ## serve on http://127.0.0.1:8000 (HOST, PORT) in the foreground
	@exec tools/setup run
	@exec .venv/bin/gunicorn wsgi:app

test: ## run all tests, on SQLite and on a MariaDB of their own (ARGS="..." goes to pytest)
	@exec tools/setup dev
	@exec tools/need-mariadb
	@exec tools/need-nginx
	@exec tools/need-prometheus
	@exec tools/need-shellcheck
	@exec tools/need-systemd-analyze
	@exec .venv/bin/pytest $(ARGS)

test-clients: ## drive Codex CLI, Kilo's CLI and the SDKs against a running gateway (ARGS="..." goes to pytest)
	@exec tools/setup dev
	@exec tools/need-node
	@exec tests_clients/install
	@exec .venv/bin/pytest tests_clients $(ARGS)

test-browser: ## walk through the pages with Chromium; leaves screenshots (ARGS="..." goes to pytest)
	@exec tools/setup dev
	@exec tools/need-chromium
	@exec tests_browser/install
	@exec .venv/bin/pytest tests_browser -o faulthandler_timeout=90 -o faulthandler_exit_on_timeout=true $(ARGS)

lint: ## check style, formatting and types
	@exec tools/setup dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

format: ## sort imports and format the code
	@exec tools/setup dev
	.venv/bin/ruff check --fix-only --quiet
	.venv/bin/ruff format

audit: ## hold the pinned packages against known advisories and accepted licences, without a network
	@exec tools/setup dev
	@exec .venv/bin/python tools/audit_pins.py

bench: ## compare with nginx, LiteLLM and Portkey, which it installs (ARGS="..." goes to the benchmarks)
	@exec tools/setup dev
	@exec tools/need-nginx
	@exec .venv/bin/python -m benchmarks $(ARGS)

soak: ## mixed load for MINUTES=10; books and state must balance (RATE, DATABASE, KILL_EVERY, ARGS)
	@exec tools/setup dev
	@exec tools/need-mariadb
	@exec .venv/bin/python -m endurance --minutes $(or $(MINUTES),10) --rate $(or $(RATE),30) \
		--database $(or $(DATABASE),sqlite) --kill-every $(or $(KILL_EVERY),0) $(ARGS)

chaos: ## kills, full disk, clock, floods ...: written expectations, checked (ARGS="--only flood,disk")
	@exec tools/setup dev
	@exec tools/need-mariadb
	@exec tools/need-cc
	@exec .venv/bin/python -m endurance.chaos $(ARGS)
