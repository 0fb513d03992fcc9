# run   serves on 127.0.0.1:8080     test  everything that CI checks
# bench Plateau beside tusd          lint  the checks without the tests

GO    ?= go
TOOLS := $(GO) tool -modfile=tools.mod

.PHONY: run test lint cross unit fuzz bench bench-short ci-deps

run:
	$(GO) run ./cmd/plateau

test: lint cross e2e/node/node_modules unit fuzz bench-short

lint:
	@files=$$($(TOOLS) gofumpt -l .); test -z "$$files" || { echo "gofumpt would change:"; echo "$$files"; exit 1; }
	$(GO) vet ./...
	$(TOOLS) staticcheck ./...
	$(GO) mod tidy -diff
	cd bench && $(GO) vet ./... && $(GO) mod tidy -diff
	cd bench && $(GO) tool -modfile=../tools.mod staticcheck ./...

# Linux-only calls have fallbacks: what else is built must build.
cross:
	GOOS=darwin GOARCH=arm64 $(GO) build ./... && GOOS=darwin GOARCH=arm64 $(GO) vet ./...
	GOOS=linux GOARCH=arm64 $(GO) build ./... && GOOS=linux GOARCH=arm64 $(GO) vet ./...

unit:
	$(GO) test -race -timeout 15m ./...
	cd bench && $(GO) test -race ./...

# One target after the other: go test fuzzes one at a time.
FUZZTIME ?= 10s
fuzz:
	$(GO) test -run '^$$' -fuzz '^FuzzMetadata$$' -fuzztime $(FUZZTIME) ./server
	$(GO) test -run '^$$' -fuzz '^FuzzConcat$$' -fuzztime $(FUZZTIME) ./server
	$(GO) test -run '^$$' -fuzz '^FuzzID$$' -fuzztime $(FUZZTIME) ./store/disk
	$(GO) test -run '^$$' -fuzz '^FuzzRecord$$' -fuzztime $(FUZZTIME) ./store/disk
	$(GO) test -run '^$$' -fuzz '^FuzzLoad$$' -fuzztime $(FUZZTIME) ./config

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
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends strace
