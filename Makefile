# What a developer types. The work is done by the go command and by short scripts in tests; make lists the targets.

FUZZTIME ?= 30s
BENCH ?= .
SEEDS ?= 100000
FROM ?= 1
COUNT ?= 1
TIME ?= 1m
SEED ?= 0
TOOL = go tool -modfile=tools.mod

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## run a broker on localhost:61613
	go run ./cmd/stampede

test: ## run all tests with the race detector; installs what the foreign clients need where it may
	@tests/run

check: ## formatting, go vet and staticcheck
	@unformatted=$$($(TOOL) gofumpt -l .) && if [ -n "$$unformatted" ]; then echo "not formatted (try: make format):"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	$(TOOL) staticcheck ./...

format: ## format all Go files
	$(TOOL) gofumpt -w .

sim: ## play SEEDS (100000) seeds of the simulation, from the seed FROM on
	go test -count=1 -timeout 0 -v -run '^TestSim$$' ./tests/sim -seeds=$(SEEDS) -from=$(FROM)

fuzz: ## run every fuzz target for FUZZTIME (30s)
	@tests/fuzz $(FUZZTIME)

bench: ## run the benchmarks that match BENCH (all), COUNT times; compare two outputs with: go tool -modfile=tools.mod benchstat
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) ./...

load: ## a million messages, a minute of flood and 250,000 connections: memory must stay where it belongs; takes 5 GiB
	go test -count=1 -timeout 15m -v ./tests/load -messages 1000000 -flood 1m -connections 250000

chaos: ## for TIME (1m), kill actors, cut connections and pause a broker under load, and account for every message; SEED replays a schedule
	go test -count=1 -timeout 0 -v -run TestChaos ./tests/chaos -time $(TIME) -seed $(SEED)

e2e: ## run only the foreign clients: STOMP.js in Node and Chromium, nginx, further libraries
	@STAMPEDE_REQUIRE=$$(tests/setup) && export STAMPEDE_REQUIRE && go test -count=1 -v ./tests/interop

.PHONY: help run test check format sim fuzz bench load chaos e2e
