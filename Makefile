# Needs Python >= 3.11 and make; everything else is installed into .venv on the first call.
PYTHON ?= python3
# make reproduce-table3 SCALE=smoke RUN="--slots 2"; make study CAMVID=DIR CIFAR=DIR
SCALE ?= full
RUN ?=
# make bench DEVICE=cuda BENCH="--full -k k_center"
DEVICE ?= cpu
# make test JOBS=8: tests at a time, each on one thread
JOBS ?= 2
BENCH ?=
RUNS ?= runs
LABEL_STUDIO := 1.23.2
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install label-studio demo test test-all storm referee bench lint format tensorboard clean study study-streets study-camvid study-cifar study-features study-starts study-strategies

help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9%-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv and install what the project needs (the other targets do it by themselves)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "al-lightning needs Python >= 3.11; name one: make PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (minutes on the first call) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP) ## random, entropy and core-set on synthetic streets, tables and a report: within ten minutes
	@$(BIN)/al-lightning demo

reproduce-%: $(STAMP) ## run a table or a figure of the paper (reproduce-table3, reproduce-figure5), with SCALE=smoke the whole path on 2 cores
	$(BIN)/al-lightning reproduce $* --scale $(SCALE) --runs $(RUNS) $(RUN)

study: study-streets study-camvid study-cifar study-features study-starts study-strategies ## the study of docs/study.md; CAMVID=DIR CIFAR=DIR name the data

study-streets: $(STAMP)
	$(BIN)/al-lightning reproduce study_streets --runs $(RUNS) $(RUN)

study-camvid: $(STAMP)
	$(BIN)/al-lightning reproduce study_camvid --runs $(RUNS) $(if $(CAMVID),--data.root $(CAMVID)) $(RUN)

study-cifar: $(STAMP)
	$(BIN)/al-lightning reproduce study_cifar --runs $(RUNS) $(if $(CIFAR),--data.root $(CIFAR)) $(RUN)

# 10 to 500 labels, 100 seeds, two encoders; the runs are those of configs/tables/study_features.yaml
ON_FEATURES = --data.root $(CIFAR) --strategies entropy,margin,coreset,bald --seeds 100 --minutes 60 --run_dir $(RUNS)/study/features \
	--budget.unit images --budget.initial 10 --budget.query 49 --budget.cycles 10
# 12 to 108 of CamVid's frames
DENSE = --encoder hypercolumns $(if $(CAMVID),--data.root $(CAMVID)) --data.size '[180, 240]' --seeds 20 --minutes 120 \
	--budget.unit images --budget.initial 12 --budget.query 24

study-features: $(STAMP)
	$(BIN)/al-lightning compare image_folder $(ON_FEATURES) $(RUN)
	$(BIN)/al-lightning compare image_folder --encoder efficientnet_lite2 --out $(RUNS)/compare_lite2.html $(ON_FEATURES) $(RUN)
	$(BIN)/al-lightning reproduce study_features --runs $(RUNS) --report-only

# 10 to 500 labels, 50 seeds, the first ten chosen in six ways; then CamVid's first twelve
FEW = --data.root $(CIFAR) --seeds 50 --minutes 120 --budget.unit images --budget.initial 10 --budget.query 98 --budget.cycles 5
STARTS = random_from_typiclust,random_from_maxherding,random_from_probcover,random_from_spread

study-starts: $(STAMP)
	$(BIN)/al-lightning compare image_folder $(FEW) --initial random --run_dir $(RUNS)/study/starts --out $(RUNS)/compare_starts.html \
		--strategies $(STARTS),margin,$(subst random_,margin_,$(STARTS)) $(RUN)
	$(BIN)/al-lightning compare image_folder $(FEW) --strategies margin --run_dir $(RUNS)/study/balanced --out $(RUNS)/compare_balanced.html $(RUN)
	$(BIN)/al-lightning compare camvid $(DENSE) --budget.cycles 1 --strategies $(STARTS),margin,$(subst random_,margin_,$(STARTS)) \
		--run_dir $(RUNS)/study/camvid_starts --out $(RUNS)/compare_camvid_starts.html $(RUN)

# all strategies, from random labels and from TypiClust's: 50 seeds, and 20 of those that take longest; the five best on another encoder
PIXELS = entropy,least_confidence,margin,coreset,bald,badge,power_bald,power_entropy,power_margin,falcun,clasp,entropy_coreset
QUICK = $(PIXELS),dropquery,alfamix
LONG = typiclust,probcover,maxherding,uherding,dcom
BEST = uherding,maxherding,typiclust,dropquery,alfamix

study-strategies: $(STAMP)
	$(BIN)/al-lightning compare image_folder $(FEW) --initial random --strategies $(QUICK) --run_dir $(RUNS)/study/strategies $(RUN)
	$(BIN)/al-lightning compare image_folder $(FEW) --initial random --strategies $(LONG) --seeds 20 --run_dir $(RUNS)/study/strategies_long $(RUN)
	$(BIN)/al-lightning compare image_folder $(FEW) --initial typiclust --strategies $(QUICK) --run_dir $(RUNS)/study/from_typiclust $(RUN)
	$(BIN)/al-lightning compare image_folder $(FEW) --initial typiclust --strategies $(LONG) --seeds 20 --run_dir $(RUNS)/study/from_typiclust_long $(RUN)
	$(BIN)/al-lightning compare image_folder --encoder efficientnet_lite2 $(FEW) --initial random --strategies $(BEST) --seeds 20 \
		--run_dir $(RUNS)/study/strategies_lite2 $(RUN)
	$(BIN)/al-lightning compare camvid $(DENSE) --minutes 300 --budget.cycles 4 --strategies $(PIXELS),$(LONG) \
		--run_dir $(RUNS)/study/camvid_features --out $(RUNS)/compare_camvid_features.html $(RUN)

test: $(STAMP) ## the test suite: 9 minutes on 2 slow cores
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

test-all: $(STAMP) label-studio ## the suite and the longer proofs
	$(BIN)/python -m pytest -m "not gpu"

label-studio: .venv-label-studio/.$(LABEL_STUDIO) ## Label Studio beside the project, for the proof that goes through it

.venv-label-studio/.$(LABEL_STUDIO):
	@test -x .venv-label-studio/bin/python || $(PYTHON) -m venv .venv-label-studio
	@echo "installing Label Studio into .venv-label-studio (minutes on the first call) ..."
	@.venv-label-studio/bin/python -m pip install --quiet --disable-pip-version-check label-studio==$(LABEL_STUDIO) \
		&& touch $@ || echo "Label Studio cannot be installed here; the tests that go through it skip"

storm: $(STAMP) ## runs killed at 50 random instants each with 1 and 2 processes, and at every boundary
	$(BIN)/python -m pytest -m slow -s tests/engine/test_storm.py

referee: $(STAMP) ## each strategy beside other implementations on the same arrays; writes docs/referee.md
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.referee.rows -n $(JOBS)

bench: $(STAMP) ## the bounds of docs/performance.md, measured here: an hour on 2 quiet cores; DEVICE=cuda
	$(BIN)/python -m pytest tests/benchmarks -q -p no:cacheprovider -o python_files='bench_*.py' -o python_functions='bench_*' --device $(DEVICE) $(BENCH)

lint: $(STAMP) ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP) ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

tensorboard: $(STAMP) ## open TensorBoard on runs/
	@$(BIN)/python -m al_lightning.tensorboard.serve runs

clean: ## remove .venv and caches (never runs/)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
