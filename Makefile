# Everything a person does with qwhisk on one machine. `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMPS := .stamps
TESTS ?= tests
# Processes that share the tests, by files. One more than a small machine has cores: much of the time is waiting.
PROCESSES ?= 3
# Bytecode is cached even if the environment disables it: the tests start hundreds of Python processes, each of which
# would compile the same modules again.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
MANIFEST ?= manifest.yaml

.DEFAULT_GOAL := help
.PHONY: help helm manifests demo up simulator test test-fast trial-properties trial-submissions trial-connections trial-memory trial-sessions trial-simulator trial-rebalances trial-faults trial-burst trial-pooling trial-openqasm test-kafka test-provider-clients test-page screenshots check bench new-action documents config locks doctor deploy undeploy images test-images test-containers format clean trial-mitigation

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'

demo: page ## run the main job on this machine and serve the page; ONCE=1 ends after the result
	@exec $(BIN)/python -m local --demo $(if $(ONCE),--once)

up: page ## start the whole stack on this machine, without the demo job; IMAGE_TAG or MANIFEST for another OpenWhisk
	@exec $(BIN)/python -m local

simulator: venv ## start the simulator alone, for your own Qiskit programs; prints how to connect
	@exec $(BIN)/python -m local.simulator

test: page ## run every test; TESTS=tests/gateway runs some
	@$(PYTEST) -n $(PROCESSES) --no-loadscope-reorder $(TESTS)

test-fast: venv ## the tests that start no process and no browser, for while you write code
	@$(PYTEST) -n $(PROCESSES) --no-loadscope-reorder -m "not processes and not kafka and not provider_clients" $(TESTS)

trial-properties: venv ## ten times as many examples of each property, random ones; SEED=N repeats a run
	@seed=$${SEED:-$$RANDOM$$RANDOM} && echo "SEED=$$seed" && $(PYTEST) -n $(PROCESSES) \
		--no-loadscope-reorder -m "hypothesis and not processes and not kafka" \
		--timeout 600 --hypothesis-profile trial --hypothesis-seed $$seed $(TESTS)

test-kafka: page ## poller and gateway on Apache Kafka, its jars from Maven Central (Java, Maven)
	@$(PYTEST) tests/chaos tests/gateway -m "kafka and not trial"

test-provider-clients: venv ## other clients of IBM Quantum on the simulator; PyPI's packages, 770 MB in .provider-clients
	@$(PYTEST) -m provider_clients tests/simulator_clients

trial-submissions: venv ## 2,000 submissions with one answer in ten lost: none doubled, orphaned or lost
	@SUBMISSIONS=$${SUBMISSIONS:-2000} $(PYTEST) -s tests/chaos/test_submissions.py

trial-simulator: venv ## 200 random circuits by each of the simulator's methods against exact distributions; SEED=N repeats
	@seed=$${SEED:-$$RANDOM$$RANDOM} && echo "SEED=$$seed" && SEED=$$seed CIRCUITS=$${CIRCUITS:-200} OPENBLAS_NUM_THREADS=1 \
		$(PYTEST) -s -n $(PROCESSES) --dist load tests/simulator/test_distributions.py

trial-mitigation: venv ## the client's twirling, decoupling and error mitigation on a noisy device; SEED=N repeats
	@seed=$${SEED:-$$RANDOM$$RANDOM} && echo "SEED=$$seed" && SEED=$$seed MITIGATION_SHOTS=$${MITIGATION_SHOTS:-100000} \
		MITIGATION_RANDOMIZATIONS=64 $(PYTEST) -s tests/simulator/test_mitigation.py

trial-rebalances: venv ## members of the consumer groups come, go and fail, on Apache Kafka; REBALANCE_SEED=N, KAFKA_GROUP_PROTOCOL=classic
	@REBALANCE_SECONDS=$${REBALANCE_SECONDS:-100} $(PYTEST) -s -m "kafka and trial" tests/chaos/test_rebalances.py

trial-faults: page ## faults of machine, network and operator while clients submit jobs (root, Apache Kafka, a C compiler)
	@$(PYTEST) -s -m trial tests/chaos/test_faults.py
	@seed=$${SEED:-$$RANDOM} && echo "SEED=$$seed" && VIRTUAL_DAYS=$${VIRTUAL_DAYS:-24} $(PYTEST) -s \
		--hypothesis-profile trial --hypothesis-seed $$seed tests/chaos/test_virtual_day.py

trial-burst: venv ## 500 jobs at once on an OpenWhisk with stock limits, 60 invocations a minute: all answered; BURST_SEED=N
	@$(PYTEST) -s -m trial tests/chaos/test_burst.py

trial-pooling: venv ## pooled jobs against direct ones, and under faults; POOLING_SEED=N, ONLY=burst|alone|once|loops|refused
	@POOLING_CIRCUITS=$${POOLING_CIRCUITS:-500} $(PYTEST) -s -m "kafka or not kafka" -k "$${ONLY:-test}" tests/chaos/test_pooling.py

trial-openqasm: venv ## OpenQASM files of other tools against their own simulations; they are installed apart
	@set -e; corpus=$$(mktemp -d); trap 'rm -rf $$corpus' EXIT; $(PYTHON) -m venv $$corpus/venv; \
	$$corpus/venv/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/openqasm/requirements.txt; \
	$$corpus/venv/bin/python -W ignore benchmarks/openqasm/generate.py $$corpus/files --seed $${SEED:-1}; \
	$(BIN)/python -W ignore -m benchmarks.openqasm $$corpus/files

trial-connections: venv ## 2,000 idle or slow connections and waits: /healthz answers, and what they cost
	@$(BIN)/python -m benchmarks.gateway.connections

trial-memory: venv ## 20 clients that do not read: the gateway's memory stays below 512 MiB
	@$(BIN)/python -m benchmarks.gateway.memory

trial-sessions: venv ## 100,000 sessions without a job: no topic; SESSIONS=N, BROKER=kafka
	@$(BIN)/python -m benchmarks.gateway.sessions

test-page: page ## the page's own unit tests
	@PYTHON=$(BIN)/python bash web/build.sh test

screenshots: page ## pictures of every function at three widths, light and dark, in a temporary folder
	@$(BIN)/python -m tests.page.screenshots

check: venv ## lint, types, import borders, descriptions of the algorithms; the page too
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy core actions gateway poller simulator local tools testkit benchmarks tests clients/python/src/qwhisk_client
	@$(BIN)/lint-imports
	@$(BIN)/python -m tools.check_algorithms
	@PYTHON=$(BIN)/python bash web/build.sh lint

bench: venv ## measure against the fastest direct way, in the same run
	@$(BIN)/python -m benchmarks

# The name is neither expanded by make nor put into a command line: the shell reads it from its environment.
override NAME := $(value NAME)
override KIND := $(value KIND)
export NAME KIND

new-action: venv ## make the files of a new algorithm: make new-action NAME=coin_toss, or with KIND=hybrid too
	@$(BIN)/python -m tools.scaffold "$$NAME" "$$KIND"

documents: venv ## regenerate config documents, manifest.yaml, JSON Schemas, docs/functions.md and the tables of settings
	@$(BIN)/python -m tools.documents
	@$(BIN)/python -m tools.functions_reference
	@$(BIN)/python -m tools.export_schemas
	@$(BIN)/python -m tools.settings_tables
	@$(BIN)/python -m tools.chart_values

helm: .helm/helm ## build Helm from its Go module, with which the tests render the chart; in .helm

manifests: .helm/helm ## regenerate deploy/kubernetes/qwhisk.yaml from the Helm chart
	@bash deploy/kubernetes/render.sh "$(CURDIR)/.helm/helm" > .helm/qwhisk.yaml && mv .helm/qwhisk.yaml deploy/kubernetes/qwhisk.yaml

config: venv ## load all config documents into CLOUDANT_URL, for the actions at WHISK_APIHOST
	@$(BIN)/python -m tools.load_config_documents

locks: venv ## pin what the images install, with hashes, in */requirements.lock; after a change of requirements or versions
	@$(BIN)/python -m tools.locks

doctor: venv ## check Kafka, documents, OpenWhisk, result store and accounts, one line each with the fix; SUBMIT=1 runs a job
	@$(BIN)/python -m tools.doctor $(if $(SUBMIT),--submit)

deploy: venv ## deploy manifest.yaml to WHISK_APIHOST with WHISK_AUTH, by wskdeploy where there is one; WARM=1 starts a container each
	@$(BIN)/python -m local.deploy --manifest $(MANIFEST) $(if $(WARM),--warm)

undeploy: venv ## delete from WHISK_APIHOST what manifest.yaml names
	@$(BIN)/python -m local.deploy --manifest $(MANIFEST) --undo

images: venv ## build all images, and their bills of materials in .local/sbom; DOCKER_BUILD_FLAGS go to docker build
	@bash actions/images.sh
	@$(BIN)/python -m tools.sbom .local/sbom

test-images: venv images ## build the images and test them as containers, the services as composed
	@$(PYTEST) tests/images

# The end-to-end tests, but for those of the gateway's own addresses and of crashes; the algorithms on the noiseless
# simulator, their loops too. CONTAINER_TESTS=tests/end_to_end runs all of them.
CONTAINER_TESTS ?= tests/openwhisk/contract tests/openwhisk/test_docker.py tests/clients tests/end_to_end \
	--ignore tests/clients/test_recipes.py --ignore tests/end_to_end/test_openapi.py --ignore tests/end_to_end/test_crash.py \
	--ignore tests/end_to_end/test_hybrid.py --ignore tests/end_to_end/test_shutdown.py -k "not (answer_is_right and (hardware or noisy))"

test-containers: page images ## tests and clients against an OpenWhisk elsewhere with actions as containers
	@OPENWHISK_CONTAINERS=docker OPENWHISK_DOCKER_NETWORK=host $(BIN)/python -m tests.apihost $(CONTAINER_TESTS)

format: venv ## format the Python code
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

clean: ## remove what was built; the stack must not be running
	@rm -rf $(VENV) $(STAMPS) .local .helm .provider-clients web/node_modules web/dist

# --- what the targets need ------------------------------------------------------------------------

# Go checks every module against deploy/helm/tool/go.sum.
.helm/helm: deploy/helm/tool/go.mod deploy/helm/tool/go.sum
	@CGO_ENABLED=0 go build -C deploy/helm/tool -mod=readonly -trimpath -ldflags "-s -w" -o "$(CURDIR)/$@" helm.sh/helm/v4/cmd/helm
	@touch $@

.PHONY: venv page
venv: $(STAMPS)/venv
page: venv $(STAMPS)/page

REQUIREMENTS := requirements.txt constraints.txt $(wildcard */requirements.txt)

$(STAMPS)/venv: $(REQUIREMENTS) clients/python/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "qwhisk needs Python 3.11 or newer; set PYTHON=python3.11" >&2; exit 1; }
	@echo "making the virtual environment (once; a few minutes on a slow line)"
	@# One that is there is kept: another Python laid over it would mix the two.
	@$(BIN)/python -c "" 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@# The command qwhisk. All that it needs is there in the versions of constraints.txt, and nothing is downloaded.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable clients/python
	@mkdir -p $(STAMPS) && touch $@

# Node builds the page: the system's where there is one that is new enough, else the one of a Python package.
$(STAMPS)/page: $(STAMPS)/venv web/package-lock.json $(shell find web/src web/public web/index.html web/docs.html web/vite.config.ts web/tsconfig.json -type f 2>/dev/null)
	@echo "building the page"
	@PYTHON=$(BIN)/python bash web/build.sh build
	@mkdir -p $(STAMPS) && touch $@
