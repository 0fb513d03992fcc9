# run   serves on 127.0.0.1:8080     test  everything that CI checks
# bench Plateau beside tusd          lint  the checks without the tests

GO    ?= go
TOOLS := $(GO) tool -modfile=tools.mod

.PHONY: run test lint cross unit fuzz e2e-full bench bench-short ci-deps

run:
	$(GO) run ./cmd/plateau

test: lint cross e2e/node/node_modules unit fuzz bench-short

lint:
	@files=$$($(TOOLS) gofumpt -l .) && test -z "$$files" || { echo "gofumpt would change:"; echo "$$files"; exit 1; }
	$(GO) vet ./...
	$(TOOLS) staticcheck ./...
	$(GO) mod tidy -diff
	cd bench && $(GO) vet ./... && $(GO) mod tidy -diff
	cd bench && $(GO) tool -modfile=../tools.mod staticcheck ./...

# Linux-only calls have fallbacks: what else is built must build.
cross:
	GOOS=darwin GOARCH=arm64 $(GO) build ./... && GOOS=darwin GOARCH=arm64 $(GO) vet ./...
	GOOS=linux GOARCH=arm64 $(GO) build ./... && GOOS=linux GOARCH=arm64 $(GO) vet ./...

# Go's race detector needs a C compiler. Where there is none, the tests run
# without it; CI has one.
RACE := $(if $(shell command -v gcc || command -v clang),-race)

unit:
	@test -n "$(RACE)" || test -z "$(CI)" || { echo "no C compiler, so no race detector: make ci-deps"; exit 1; }
	@test -n "$(RACE)" || echo "no C compiler, so no race detector: apt-get install gcc libc6-dev"
	$(GO) test $(RACE) -timeout 15m ./...
	cd bench && $(GO) test $(RACE) ./...

FUZZTIME ?= 10s
fuzz:
	.ci/fuzz $(FUZZTIME)

# The longer matrices of e2e: every fault at every call, 100,000 uploads.
e2e-full: e2e/node/node_modules
	PLATEAU_E2E=full $(GO) test -timeout 30m ./e2e

bench:
	cd bench && $(GO) run . -out RESULTS.md

bench-short:
	cd bench && $(GO) run . -short

e2e/node/node_modules: e2e/node/package-lock.json
	npm ci --prefix e2e/node --no-audit --no-fund
	@touch $@

# What the tests need beyond Go, Node and npm. Needs root.
ci-deps:
	apt-get update
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends strace gcc libc6-dev
