# run    serves on 127.0.0.1:8080, with the page     test  everything that CI checks
# build  build/plateau: one static file               lint  the checks without the tests
# bench  Plateau beside tusd

GO    ?= go
TOOLS := $(GO) tool -modfile=tools.mod

.PHONY: run build page page-test binary test lint cross unit unit-e2e unit-others fuzz fuzz-long crash soak e2e-full e2e-away bench bench-memory bench-short ci-deps

run: page
	$(GO) run ./cmd/plateau

build: page binary

# The page's sources become web/dist, which the binary embeds.
page: web/dist/index.html

web/dist/index.html: web/node_modules web/build.mjs web/package.json web/tsconfig.json $(wildcard web/src/* web/src/*/*)
	npm run build --prefix web

page-test: web/node_modules
	npm test --prefix web

# With Go 1.26 the profile of leaked goroutines is an experiment; a Go that doesn't know it so builds without.
EXPERIMENT := $(shell GOEXPERIMENT=goroutineleakprofile $(GO) env GOEXPERIMENT 2>/dev/null)

# Alone it embeds what web/dist holds; without a page, one that says so.
binary:
	CGO_ENABLED=0 GOEXPERIMENT=$(EXPERIMENT) $(GO) build -trimpath -ldflags '-s -w $(if $(VERSION),-X main.release=$(VERSION))' -o build/plateau ./cmd/plateau

test: page page-test lint cross e2e/node/node_modules e2e/s3/bin/versitygw unit fuzz bench-short

lint:
	@files=$$($(TOOLS) gofumpt -l .) && test -z "$$files" || { echo "gofumpt would change:"; echo "$$files"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags leaks ./...
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

# e2e waits more than it works, so it runs beside the other packages. The ordeals of store/s3 move many bytes, which the race detector
# makes slow; other tests of that package have it look at the same code.
unit: export PLATEAU_E2E_MISSING := $(CURDIR)/build/missing
unit:
	@test -n "$(RACE)" || test -z "$(CI)" || { echo "no C compiler, so no race detector: make ci-deps"; exit 1; }
	@test -n "$(RACE)" || echo "no C compiler, so no race detector: apt-get install gcc libc6-dev"
	@mkdir -p build && rm -f build/missing
	$(MAKE) -j2 unit-e2e unit-others
	@if [ -e build/missing ]; then sort -u build/missing; fi
	cd bench && $(GO) test $(RACE) ./...

unit-e2e:
	$(GO) test $(RACE) -timeout 25m -skip '^TestS3' ./e2e

unit-others:
	$(GO) test $(RACE) -p 1 -timeout 20m -skip '^Test(Death|Trouble)$$' $$($(GO) list ./... | grep -v '/e2e$$')
	$(GO) test -timeout 20m -run '^Test(Death|Trouble)$$' ./store/s3
	$(GO) test $(RACE) -timeout 20m -run '^TestS3' ./e2e

# Of all targets together, in seconds; building them takes half as long again.
FUZZTIME ?= 60
fuzz:
	.ci/fuzz $(FUZZTIME)

fuzz-long:
	nice .ci/fuzz 1800

# What must not happen, at length: a kill and a fault at each system call of a finish, and at each call to S3, 1,000 kills at
# random, 100 power cuts (as root, which mounts), Kafka away for ten minutes under 10,000 uploads, S3 for a minute.
crash: page e2e/node/node_modules e2e/s3/bin/versitygw
	PLATEAU_E2E=full $(GO) test -timeout 120m -run 'Killed|Fault|PowerCut|Syncs|Kafka|S3Away' ./e2e

# What must not grow: half an hour at full speed, under uploads, cut connections, mistakes, and a Kafka that comes and goes.
soak: page
	PLATEAU_E2E=full $(GO) test -v -timeout 60m -run Soak ./e2e

# The longer matrices of e2e: all of these and 100,000 uploads.
e2e-full: page e2e/node/node_modules e2e/s3/bin/versitygw
	PLATEAU_E2E=full $(GO) test -timeout 220m ./e2e

bench: e2e/s3/bin/versitygw
	cd bench && $(GO) run . -out RESULTS.md

# The memory of Plateau, of tusd, and of the service that Plateau takes the place of: bench/MEMORY.md and its picture.
bench-memory:
	cd bench && $(GO) run . -seed -out MEMORY.md -picture memory.svg

bench-short: e2e/s3/bin/versitygw
	cd bench && $(GO) run . -short
	cd bench && $(GO) run . -seed -short

# Uppy in Chromium while the server is away for ten minutes.
e2e-away: page e2e/node/node_modules
	PLATEAU_E2E_AWAY=10m $(GO) test -timeout 30m -run 'Away' ./e2e

%/node_modules: %/package-lock.json
	npm ci --prefix $* --no-audit --no-fund
	@touch $@

# The S3 server of the tests: one minute the first time. The Makefile is what it depends on, since it names the version.
VERSITYGW := v1.8.0
e2e/s3/bin/versitygw: Makefile
	CGO_ENABLED=0 GOBIN=$(CURDIR)/$(@D) $(GO) install -trimpath -ldflags '-s -w' github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW)
	@touch $@

# What the tests need beyond Go, Node, npm, Java 17 and Maven. Needs root.
ci-deps:
	apt-get update
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		strace gcc libc6-dev chromium fonts-dejavu-core nginx-light haproxy curl kcat e2fsprogs mount
	mvn -q -B -f e2e/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory=libs
