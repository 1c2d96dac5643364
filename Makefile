# SPDX-License-Identifier: Apache-2.0
# Two commands do all the set-up on a Debian machine with Swift: `make run` and `make test`.

SHELL      := /bin/bash
PREFIX     ?= /usr/local
DESTDIR    ?=
SWIFT      ?= swift
CACHE      ?= .cache
SCRATCH    ?= .build
# Undeclared imports of a sibling compile when it happens to be built; the layers hold only if that is an error.
BUILDFLAGS := --scratch-path $(SCRATCH) --explicit-target-dependency-import-check error
RELEASE    := -c release --static-swift-stdlib
PROGRAMS   := apus apusd apus-runtime apus-hello apus-registry
RELEASEBIN  = $(SCRATCH)/release
MANUAL      = $(SCRATCH)/man
SOURCES    := $(shell find Sources Package.swift -name '*.swift' -o -name '*.[ch]' 2>/dev/null)

.PHONY: help run test unit integration test-vm build debug man install check fmt bench fuzz images registry clean packages test-packages

help:
	@echo "make run          build, start the daemon if none answers, run a first container"
	@echo "make test         unit, contract and integration tests (root for the latter)"
	@echo "make test-vm      the tests that need cgroup v2, AppArmor or eBPF, in a guest machine (QEMU)"
	@echo "make build        release programs in $(RELEASEBIN)"
	@echo "make man          manual pages in $(MANUAL)"
	@echo "make install      PREFIX=$(PREFIX) DESTDIR=: programs, systemd units, completions, manual pages"
	@echo "make check        format, headers, file sizes, warnings as errors"
	@echo "make fuzz         libFuzzer over config.json, seccomp profiles and the shim's protocol (FUZZ_SECONDS=60 each)"
	@echo "make bench        figures beside docker.io and podman (installs both)"
	@echo "make images       busybox, debian and nginx images made from Debian's packages"
	@echo "make clean        remove what builds and tests made"

packages:
	@Scripts/install-packages.sh build

test-packages:
	@Scripts/install-packages.sh build test

# Stamping costs milliseconds and happens also when a commit changed nothing that is compiled.
build: packages $(CACHE)/release.stamp
	@Scripts/stamp.sh $(addprefix $(RELEASEBIN)/,$(PROGRAMS))

$(CACHE)/release.stamp: $(SOURCES)
	@mkdir -p $(CACHE)
	$(SWIFT) build $(BUILDFLAGS) $(RELEASE)
	@for program in $(PROGRAMS); do \
	    strip -o $(RELEASEBIN)/$$program.stripped $(RELEASEBIN)/$$program && mv $(RELEASEBIN)/$$program.stripped $(RELEASEBIN)/$$program || exit 1; \
	done
	@touch $@

debug: packages
	$(SWIFT) build $(BUILDFLAGS)

run: build
	@Scripts/run.sh $(RELEASEBIN)

# The debug build is what the tests run.
test: test-packages
	@SWIFT="$(SWIFT)" SCRATCH="$(SCRATCH)" CACHE="$(CACHE)" Scripts/test.sh lint unit integration vm

unit: test-packages
	@SWIFT="$(SWIFT)" SCRATCH="$(SCRATCH)" CACHE="$(CACHE)" Scripts/test.sh unit

integration: test-packages
	@SWIFT="$(SWIFT)" SCRATCH="$(SCRATCH)" CACHE="$(CACHE)" Scripts/test.sh integration

test-vm: test-packages debug
	@SCRATCH="$(SCRATCH)" CACHE="$(CACHE)" Scripts/test-vm.sh full

man: build
	@Scripts/manual.sh $(RELEASEBIN) $(MANUAL)

install: build man
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/systemd/system \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
	    $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	for program in $(PROGRAMS); do install -m 0755 $(RELEASEBIN)/$$program $(DESTDIR)$(PREFIX)/bin/ || exit 1; done
	sed 's|@PREFIX@|$(PREFIX)|' packaging/apus.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/apus.service
	sed 's|@PREFIX@|$(PREFIX)|' packaging/apus-registry.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/apus-registry.service
	install -m 0644 packaging/apus.socket $(DESTDIR)$(PREFIX)/lib/systemd/system/
	install -m 0644 packaging/completions/apus.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/apus
	install -m 0644 packaging/completions/_apus $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_apus
	install -m 0644 packaging/completions/apus.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/apus.fish
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 0644 $(MANUAL)/man1/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 0644 $(MANUAL)/man8/*.8 $(DESTDIR)$(PREFIX)/share/man/man8/

check: packages
	@Scripts/check.sh
	APUS_STRICT=1 $(SWIFT) build $(BUILDFLAGS) --build-tests

fmt:
	$(SWIFT) format format --in-place --parallel --recursive Sources Tests Package.swift

fuzz: packages
	@SWIFT="$(SWIFT)" CACHE="$(CACHE)" Scripts/fuzz.sh

bench: build
	@Scripts/bench.sh $(RELEASEBIN)

images:
	@Scripts/make-images.sh

clean:
	rm -rf $(SCRATCH) .build-* .bench .test $(CACHE)/*.stamp $(CACHE)/venv
