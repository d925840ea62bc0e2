# Thin by intent: tools/bootstrap sets the machine up, CMake presets do the work.
PRESET ?= release
BUILD := build/$(PRESET)
PYTHON := .venv/bin/python

.PHONY: demo test bench program build setup setup-dev asan tsan tidy format clean

demo: program out/corpus.jsonl
	$(BUILD)/apps/cli/energy-lens study --config models/demo-study.json --corpus out/corpus.jsonl --out out/demo
	@echo "Open out/demo/report.html"

test: setup-dev build
	ctest --preset $(PRESET)

bench: setup
	tools/bootstrap --bench
	cmake --preset $(PRESET) -DENERGY_LENS_BENCHMARKS=ON
	cmake --build --preset $(PRESET) --target bench_worker
	$(PYTHON) benchmarks/compare.py

asan tsan:
	$(MAKE) test PRESET=$@

# The command alone, which is all the demo needs.
program: setup
	cmake --preset $(PRESET)
	cmake --build --preset $(PRESET) --target energy-lens

build: setup
	cmake --preset $(PRESET)
	cmake --build --preset $(PRESET)

setup:
	tools/bootstrap

setup-dev:
	tools/bootstrap --dev

out/corpus.jsonl: tools/make_corpus.py | setup
	$(PYTHON) tools/make_corpus.py --out $@

# clang cannot read the compiler's precompiled header, so this has a configuration of its own.
tidy: setup
	cmake --preset tidy
	run-clang-tidy -quiet -j2 -p build/tidy -extra-arg=-fno-openmp "$(CURDIR)/(energy_lens|apps)/.*"

format: setup-dev
	.venv/bin/clang-format -i $$(git ls-files '*.h' '*.cpp')

clean:
	rm -rf build out
