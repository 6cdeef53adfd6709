# What can be done with this project, by name. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
EXPORTER := target/release/kernel-exporter
CONFIG ?= config.yaml
KERNEL ?=
# Checking code needs no BPF objects, which take a minute to build.
WITHOUT_BPF := KERNEL_EXPORTER_BPF_OBJECTS="$$(scripts/empty-objects.sh target/empty-objects)"

.PHONY: help run build static image deb test vm-test fuzz lint fmt deny docs deploy-copies completions bench soak clean

help: ## list what make can do
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 18

run: build ## build, then run the exporter as root [CONFIG=config.yaml]
	$(SUDO) $(EXPORTER) --config $(CONFIG)

build: ## install what is missing and build the exporter
	scripts/setup.sh build
	cargo build --release

static: ## link the exporter statically: target/static/kernel-exporter
	scripts/setup.sh build
	scripts/static.sh

image: ## build the container image from nothing, with podman, buildah or docker [IMAGE=kernel-exporter:VERSION]
	scripts/setup.sh build
	scripts/image.sh $(IMAGE)

deb: ## build the Debian package: target/debian/kernel-exporter_*.deb
	scripts/setup.sh build
	scripts/deb.sh

test: ## every check: lint, the tests on this machine, the truth tests in VMs
	@scripts/test.sh

vm-test: ## the truth tests in VMs only [KERNEL=6.1; all four by default]
	scripts/setup.sh all
	scripts/test-in-vms.sh $(KERNEL)

fuzz: ## look for inputs that break parsers [SECONDS=60] [TARGET=config; all by default]
	scripts/setup.sh test
	scripts/fuzz.sh $(or $(SECONDS),60) $(TARGET)

lint: ## formatting and clippy, warnings are errors
	cargo fmt --all --check
	cargo fmt --manifest-path exporter-ebpf/Cargo.toml --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	$(WITHOUT_BPF) cargo clippy --profile quick --workspace --all-targets -- -D warnings
	cp Cargo.lock fuzz/Cargo.lock
	$(WITHOUT_BPF) cargo clippy --profile quick --manifest-path fuzz/Cargo.toml --target-dir target -- -D warnings

fmt: ## format all Rust code
	cargo fmt --all
	cargo fmt --manifest-path exporter-ebpf/Cargo.toml
	cargo fmt --manifest-path fuzz/Cargo.toml

deny: ## licences, sources and known vulnerabilities of the dependencies
	scripts/deny.sh

docs: ## write the references in docs/ and the dashboards anew: what is generated
	scripts/setup.sh build
	UPDATE_GOLDEN=1 cargo test --profile quick --workspace --test shipped references
	UPDATE_GOLDEN=1 cargo test --profile quick --workspace --test dashboards current

deploy-copies: ## write what deploy/ has copies of anew: the config, its schema, dashboards, rules
	UPDATE_GOLDEN=1 cargo test --profile quick --workspace --test deploy copies

completions: build ## write completions for shells and the manual page to target/share
	mkdir -p target/share
	for shell in bash zsh fish elvish powershell; do $(EXPORTER) completions $$shell >target/share/kernel-exporter.$$shell; done
	$(EXPORTER) man >target/share/kernel-exporter.8

bench: build ## what the hooks and the exports cost
	cargo bench --workspace

soak: build ## load, scrapes, pushes and reloads without end: no leak, no drift [MINUTES=10, twice]
	KERNEL_EXPORTER_SOAK_MINUTES=$(or $(MINUTES),10) cargo test --profile quick --workspace --test identity -- --nocapture soak

clean: ## remove what was built (what was fetched stays in .cache)
	cargo clean
	rm -rf exporter-ebpf/target
