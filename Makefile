VERSION := $(shell git describe --tags --exact-match 2>/dev/null)
EPOCH   := $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
TOOLS   := $(if $(DAVIT_TOOLS),$(DAVIT_TOOLS),$(CURDIR)/.tools)
RACE    := $(if $(shell command -v cc),-race)
COMMA   := ,
TAGS    := clients$(if $(filter 0,$(shell id -u)),$(COMMA)privileged)
GOBUILD := CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"

export PATH := $(TOOLS)/bin:$(TOOLS)/npm/node_modules/.bin:$(PATH)

.PHONY: build install tools check test test-late lint browser demo bench microbench fuzz docs release-check clients clean

build: ## one static binary, ./davit
	$(GOBUILD) -o davit ./cmd/davit

install:
	CGO_ENABLED=0 go install -trimpath -ldflags "-s -w -X main.version=$(VERSION)" ./cmd/davit

tools: ## what make check needs: staticcheck. Downloads, once
	.ci/clients.sh staticcheck
	go mod download

# As in releases. To link each of the test programs with C takes longer than most tests.
check: export CGO_ENABLED = 0
check: lint ## what needs nothing external: no network, no clients, no root
	TMPDIR=$$(.ci/tmpdir.sh) GOGC=400 go test -vet=off -p $$((2 * $$(getconf _NPROCESSORS_ONLN))) ./...

test: tools lint ## against the registries and clients that need the least to build, others if they are installed, and as root what needs root
	.ci/clients.sh core
	GORACE=atexit_sleep_ms=100 go test $(RACE) -tags $(TAGS) -timeout 50m ./...

test-late: ## against the clients that take longest to build: opa, conftest, cue, falcoctl, tofu, tkn. UPDATE=-update records their manifests
	.ci/clients.sh registry late
	go test -tags clients,late -run '^TestLate' $(UPDATE) ./internal/interop

lint:
	@command -v staticcheck >/dev/null || { echo "staticcheck is missing; make tools builds it"; exit 1; }
	@files=$$(gofmt -s -l .); [ -z "$$files" ] || { echo "gofmt -s changes:" $$files; exit 1; }
	go vet ./...
	go vet -tags clients,late,privileged ./...
	staticcheck -tags clients,late,privileged ./...

browser: ## the pages, in Chromium; SCREENSHOTS=DIR keeps pictures
	.ci/browser.sh

demo: build
	sh examples/demo.sh

bench: ## davit against other clients, whole processes; BENCH=./W05 for one workload (internal/bench)
	.ci/clients.sh registry oras regctl
	go test -tags clients -run '^$$' -bench '$(or $(BENCH),.)' -benchtime 1x -timeout 0 ./internal/bench

microbench: ## of functions
	go test -tags clients -run '^$$' -bench . $$(go list ./... | grep -v /internal/bench)

fuzz: ## every fuzz target for FUZZTIME
	.ci/fuzz.sh $(or $(FUZZTIME),10s)

docs: ## manual pages in dist/man, the command reference in docs/commands
	go run ./internal/man -version $(VERSION) -date $(EPOCH) -man dist/man -markdown docs/commands

release-check: ## what a release makes, without publishing: workflows are valid, two snapshots are equal
	.ci/release-check.sh

clients: ## those of make test and .ci/run
	.ci/clients.sh

clean:
	rm -rf davit .demo dist dist-files
