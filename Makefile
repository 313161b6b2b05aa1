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

tools: ## downloads and builds what make check needs: staticcheck and the modules
	.ci/clients.sh staticcheck
	go mod download

# As in releases. With cgo, linking the test programs takes longer than most tests.
check: export CGO_ENABLED = 0
check: lint ## the tests that need nothing external: no network, no clients, no root
	TMPDIR=$$(.ci/tmpdir.sh) GOGC=400 go test -vet=off -p $$((2 * $$(getconf _NPROCESSORS_ONLN))) ./...

test: tools lint ## all tests: builds the core clients, and uses others if they are installed; as root, also the privileged tests
	.ci/clients.sh core
	GORACE=atexit_sleep_ms=100 go test $(RACE) -tags $(TAGS) -timeout 50m ./...

test-late: ## tests with the clients that take longest to build: opa, conftest, cue, falcoctl, tofu, tkn. UPDATE=-update records their manifests
	.ci/clients.sh registry late
	go test -tags clients,late -run '^TestLate' $(UPDATE) ./internal/interop

lint:
	@command -v staticcheck >/dev/null || { echo "staticcheck is missing; make tools builds it"; exit 1; }
	@files=$$(gofmt -s -l .); [ -z "$$files" ] || { echo "gofmt -s changes:" $$files; exit 1; }
	go vet ./...
	go vet -tags clients,late,privileged ./...
	staticcheck -tags clients,late,privileged ./...

browser: ## tests the pages in Chromium; SCREENSHOTS=DIR saves pictures
	.ci/browser.sh

demo: build
	sh examples/demo.sh

bench: ## compares davit with other clients, as whole processes; BENCH=./W05 for one workload (internal/bench)
	.ci/clients.sh registry oras regctl
	go test -tags clients -run '^$$' -bench '$(or $(BENCH),.)' -benchtime 1x -timeout 0 ./internal/bench

microbench: ## benchmarks of functions
	go test -tags clients -run '^$$' -bench . $$(go list ./... | grep -v /internal/bench)

fuzz: ## runs every fuzz target for FUZZTIME
	.ci/fuzz.sh $(or $(FUZZTIME),10s)

docs: ## writes manual pages to dist/man, and the command reference to docs/commands
	go run ./internal/man -version $(VERSION) -date $(EPOCH) -man dist/man -markdown docs/commands

release-check: ## checks the workflows and two snapshots of a release, without publishing them
	.ci/release-check.sh

clients: ## builds the clients of make test and .ci/run
	.ci/clients.sh

clean:
	rm -rf davit .demo dist dist-files
