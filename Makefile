# Each target stands alone: it installs what it needs (Debian packages, saying which), builds, acts.
#   make        the command, build/ofer
#   make run    the pipeline on the sample pictures
#   make test   every test
#   make install PREFIX=DIR   the library, its headers, the command (DESTDIR is respected)
#   make package   a Debian package of the same, in build-install/
#   make docs      pages of the API, build-docs/html/
#   make bench  the benchmark beside PyTorch
#   make asan, make tsan   every test under sanitizers
#   make check-sanitizers  the suites among them that a change is held against (tests/CMakeLists.txt)
#   make fuzz   every reader of untrusted bytes under libFuzzer, FUZZ_SECONDS (600) each
#   make gpu-check   on a machine with a GPU: CUDA tests, compute-sanitizer, benchmark
BUILD ?= build
JOBS ?= $(shell nproc)
OUT ?= out
PREFIX ?= /usr/local
WEIGHTS ?= $(firstword $(wildcard weights/latent-ofer-small.safetensors) $(OUT)/small-untrained.safetensors)

.PHONY: all run test install package docs bench asan tsan check-sanitizers fuzz gpu-check format clean
all: $(BUILD)/.configured
	cmake --build $(BUILD) -j $(JOBS) --target ofer_command

$(BUILD)/.configured: CMakeLists.txt CMakePresets.json tools/install_packages.sh
	tools/install_packages.sh build
	cmake --preset release -B $(BUILD)
	touch $@

run: all
	@mkdir -p $(OUT)
	@test -f $(WEIGHTS) || $(BUILD)/ofer init --config small --seed 1 -o $(WEIGHTS)
	$(BUILD)/ofer run --table -m $(WEIGHTS) samples/*.png -o $(OUT)

test:
	tools/install_packages.sh build test
	cmake --preset test -B $(BUILD)-test
	cmake --build $(BUILD)-test -j $(JOBS)
	ctest --test-dir $(BUILD)-test --output-on-failure

install: $(BUILD)-install/.built
	cmake --install $(BUILD)-install --prefix $(PREFIX)

package: $(BUILD)-install/.built
	tools/install_packages.sh package
	cd $(BUILD)-install && cpack

.PHONY: $(BUILD)-install/.built
$(BUILD)-install/.built:
	tools/install_packages.sh build
	cmake --preset install -B $(BUILD)-install
	cmake --build $(BUILD)-install -j $(JOBS)

docs:
	tools/install_packages.sh docs
	doxygen docs/Doxyfile

bench:
	tools/install_packages.sh build test
	cmake --preset release -B $(BUILD) -DOFER_BENCH=ON
	cmake --build $(BUILD) -j $(JOBS)
	bench/run.sh $(BUILD)

gpu-check:
	tools/gpu_check.sh

asan tsan:
	tools/install_packages.sh build test
	cmake --preset $@ -B $(BUILD)-$@
	cmake --build $(BUILD)-$@ -j $(JOBS)
	ctest --test-dir $(BUILD)-$@ --output-on-failure

check-sanitizers:
	tools/install_packages.sh build test
	set -e; for sanitizer in asan tsan; do \
	  cmake --preset $$sanitizer -B $(BUILD)-$$sanitizer; \
	  cmake --build $(BUILD)-$$sanitizer -j $(JOBS); \
	  ctest --test-dir $(BUILD)-$$sanitizer --output-on-failure -L short; \
	done

fuzz:
	tools/install_packages.sh build fuzz
	cmake --preset fuzz -B $(BUILD)-fuzz
	cmake --build $(BUILD)-fuzz -j $(JOBS) --target fuzz_programs
	fuzz/run.sh $(BUILD)-fuzz

format:
	clang-format -i $$(git ls-files '*.cpp' '*.h')

clean:
	rm -rf $(BUILD) $(BUILD)-install $(BUILD)-test $(BUILD)-asan $(BUILD)-tsan $(BUILD)-fuzz $(BUILD)-gpu build-docs $(OUT)
