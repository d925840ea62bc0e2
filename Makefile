# Thin by intent: tools/bootstrap sets the machine up, CMake presets do the work.
PRESET ?= release
BUILD := build/$(PRESET)
PYTHON := .venv/bin/python

.PHONY: demo test build setup asan format clean

demo: build out/corpus.jsonl
	$(BUILD)/apps/cli/energy-lens study --config models/demo-study.json --corpus out/corpus.jsonl --out out/demo
	@echo "Open out/demo/report.html"

test: setup-dev build
	ctest --preset $(PRESET)

asan:
	$(MAKE) test PRESET=asan

build: setup
	cmake --preset $(PRESET)
	cmake --build --preset $(PRESET)

setup:
	tools/bootstrap

setup-dev:
	tools/bootstrap --dev

out/corpus.jsonl: tools/make_corpus.py | setup
	$(PYTHON) tools/make_corpus.py --out $@

format:
	clang-format -i $$(git ls-files '*.h' '*.cpp')

clean:
	rm -rf build out
