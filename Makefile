# SPDX-License-Identifier: Apache-2.0
# The front door.  The build itself is Meson's; see meson.build.

BUILD  = build/release
HOME_DIR = node

.PHONY: all deps run demo test check format install fuzz sim bench clean help

all: $(BUILD)/build.ninja ## build the program
	@ninja -C $(BUILD) bastide-program

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1 — /p' Makefile

deps: ## install the Debian packages that are missing
	@tools/install-deps build

$(BUILD)/build.ninja: meson.build
	@tools/install-deps build
	@test -f $@ || meson setup $(BUILD) -Dtests=false -Doptimization=3 -Ddebug=true -Db_lto=true > build.log 2>&1 || { cat build.log; exit 1; }
	@rm -f build.log

run: all ## a node with secure defaults, in the foreground; its home is made in $(HOME_DIR)/ when missing
	@test -f $(HOME_DIR)/bastide.yaml || $(BUILD)/src/bastide init $(HOME_DIR)
	@exec $(BUILD)/src/bastide run -c $(HOME_DIR)/bastide.yaml

demo: all ## the energy provider's field bus, an intruder, and the node's own posture
	@tools/install-deps demo
	@tools/demo $(BUILD)

test: ## install what is missing, build with sanitizers, run all tests
	@tools/install-deps build test
	@tools/test

check: ## formatting, layers, static analysis, warnings of both compilers
	@tools/install-deps build test check
	@tools/check

format: ## put all sources into the project's format
	@clang-format -i $$(git ls-files 'src/*.[ch]' 'tests/*.[ch]')

fuzz: ## fuzz every decoder for SECONDS (60) each
	@tools/install-deps build test check
	@tools/fuzz $(or $(SECONDS),60)

sim: ## simulate a node with its clients for SEEDS (100000) seeds
	@tools/install-deps build test
	@tools/sim $(or $(SEEDS),100000)

bench: all ## Bastide beside the other MQTT brokers of this machine, as ratios; some 20 minutes
	@tools/install-deps build bench
	@tools/bench --build $(BUILD)

install: all ## install under /usr/local, or PREFIX and DESTDIR
	@meson configure $(BUILD) -Dprefix=$(or $(PREFIX),/usr/local) > /dev/null
	@ninja -C $(BUILD)
	@meson install -C $(BUILD) --no-rebuild

clean: ## remove everything that was built
	@rm -rf build
