# foretell: `make` builds build/foretell, `make help` says what else there is.
#
# Variables: CC=clang-14 (another compiler), SAN=address,undefined (sanitizers), V=1 (show the
# commands). Each compiler and each set of sanitizers has its own folder under build/.

FOLDERS := base schemas kafka models state runtime consumers producers simulate \
	evaluate cli

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
ifeq ($(origin CC),default)
CC := gcc
endif
V ?= 0
Q := $(if $(filter 0,$(V)),@)

comma := ,
B_CC := $(if $(filter gcc cc,$(notdir $(CC))),,$(notdir $(CC)))
B_SAN := $(if $(SAN),san-$(subst $(comma),-,$(SAN)))
B_NAME := $(B_CC)$(and $(B_CC),$(B_SAN),-)$(B_SAN)
B := build$(if $(B_NAME),/$(B_NAME))

# ---- set-up --------------------------------------------------------------------------------

# These goals need no set-up, or do their own. All others include deps/rdkafka.mk, and make
# brings an included file up to date first: so a plain `make` sets itself up.
NO_SETUP_GOALS := help clean distclean demo test evaluate chaos bench bench-flink \
	bench-forecast bench-memory bench-takeover bench-crash fuzz tidy format image-check
ifneq ($(filter-out $(NO_SETUP_GOALS),$(or $(MAKECMDGOALS),$(.DEFAULT_GOAL))),)
include deps/rdkafka.mk
deps/rdkafka.mk: FORCE
	@tools/setup build
endif

# ---- sources and flags ---------------------------------------------------------------------

SRC := $(sort $(wildcard $(addsuffix /*.c,$(FOLDERS))))
AVSC := $(wildcard schemas/*.avsc)
LIB_SRC := $(filter-out cli/main.c,$(SRC))
TEST_SRC := $(sort $(wildcard tests/unit/test_*.c tests/driver/test_*.c))
# Programs that the end-to-end tests call.
E2E_SRC := $(sort $(wildcard tests/e2e/*.c))
# Whatever else lies beside the tests helps them, and is linked to each that uses it.
TEST_LIB_SRC := $(sort $(filter-out $(TEST_SRC),$(wildcard tests/lib/*.c tests/unit/*.c \
	tests/driver/*.c)))
BENCH_SRC := $(sort $(wildcard tests/bench/bench_*.c))
# The job that the benchmarks run, linked to each of them.
BENCH_JOB_SRC := $(sort $(wildcard tests/bench/job/*.c))
BENCH_COUNT_SRC := tests/bench/count.c
# The simulator: the runtime on the model of Kafka, and on a disk of its own under state/.
SIM_SRC := $(sort $(wildcard tests/sim/*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
# The same targets over their kept inputs, without libFuzzer: a part of `make test`.
REPLAY_SRC := tests/fuzz/replay.c
ALL_SRC := $(SRC) $(TEST_SRC) $(E2E_SRC) $(TEST_LIB_SRC) $(BENCH_SRC) $(BENCH_JOB_SRC) \
	$(BENCH_COUNT_SRC) $(SIM_SRC) $(FUZZ_SRC) $(REPLAY_SRC)

WARN := -Wall -Wextra -Werror -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wformat=2 -Wundef -Wpointer-arith
# A replay must give the same bits on every machine and with both compilers, so a multiplication
# and an addition are never fused into one rounding, and IEEE 754 is kept to the letter.
FLOAT := -ffp-contract=off -fno-fast-math
CPPFLAGS_ALL := -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -I. $(RDKAFKA_CFLAGS) $(CPPFLAGS)
CFLAGS_ALL := -std=c17 -g -fPIE -fstack-protector-strong -fno-omit-frame-pointer $(WARN) $(FLOAT)
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
LIBS := $(RDKAFKA_LIBS) -lrocksdb -lClp -lavro -ljansson -lcurl -lmicrohttpd -lssl -lcrypto \
	-lzstd -llz4 -llzma -lz -lm -lpthread
ifeq ($(SAN),)
# The C library's own checks of buffer sizes need -O, and see nothing under a sanitizer.
CFLAGS_ALL += -O2 -D_FORTIFY_SOURCE=2
# A record is allocated in the client's thread and freed in the worker's: the C library's allocator
# makes them wait for each other. A sanitizer has one of its own.
ALLOCATOR := -ljemalloc
else
CFLAGS_ALL += -O1 -fno-sanitize-recover=all \
	-fsanitize=$(subst fuzzer,fuzzer-no-link,$(SAN))
LDFLAGS_ALL += -fsanitize=$(subst fuzzer,fuzzer-no-link,$(SAN))
ifeq ($(B_CC),)
# The checks that gcc weaves in hide from it that a cut text is meant and a variable is set.
CFLAGS_ALL += -Wno-format-truncation -Wno-maybe-uninitialized
endif
endif
CFLAGS_ALL += $(CFLAGS)

LIB_OBJ := $(LIB_SRC:%.c=$(B)/obj/%.o) $(B)/obj/schemas_gen.o
TEST_LIB_OBJ := $(TEST_LIB_SRC:%.c=$(B)/obj/%.o)
BENCH_JOB_OBJ := $(BENCH_JOB_SRC:%.c=$(B)/obj/%.o)
TEST_BIN := $(TEST_SRC:%.c=$(B)/%) $(E2E_SRC:%.c=$(B)/%)
BENCH_BIN := $(BENCH_SRC:%.c=$(B)/%)
SIM_OBJ := $(SIM_SRC:%.c=$(B)/obj/%.o)
FUZZ_BIN := $(FUZZ_SRC:%.c=$(B)/%)
REPLAY_BIN := $(FUZZ_SRC:tests/fuzz/fuzz_%.c=$(B)/tests/fuzz/replay_%)

# ---- what people call ----------------------------------------------------------------------

all: $(B)/foretell ## build build/foretell (the default)

lib: $(B)/libforetell.a ## build everything but main() as a static library

objects: $(LIB_OBJ) $(B)/obj/cli/main.o $(ALL_SRC:%.c=$(B)/obj/%.o) ## compile all, link nothing

tests: $(TEST_BIN) $(B)/tests/sim/sim $(REPLAY_BIN) ## build the C tests

demo: ## set up, start a local Kafka (or use BROKER=host:port) and run the whole line on real data
	@tools/setup demo
	@$(MAKE) all
	@exec tools/demo

# The C tests run twice, plain and with sanitizers; the same expected bits must come out of both.
test: ## set up, build with gcc, clang and sanitizers, and run every test
	@tools/setup test
	@$(MAKE) all tests bench-programs
	@$(MAKE) CC=clang-14 objects
	@$(MAKE) SAN=address,undefined tests
	@deps/venv/bin/python tests/run

evaluate: ## measure the models on real data, beside baselines (ONLY=name, EVERY=20: fewer series)
	@tools/setup evaluate
	@$(MAKE) all
	@deps/venv/bin/python tests/evaluate/run $(ONLY)

MINUTES ?= 10
KILLS ?= 40
RATE ?= 1000
WORKERS ?= 3
BROKERS ?= 1
chaos: ## faults by SEED on a real Kafka (BROKERS=1 or 3) for MINUTES, then against a clean pass
	@tools/setup chaos
	@$(MAKE) all
	@exec deps/venv/bin/python tests/chaos/run $(if $(SEED),--seed $(SEED)) \
		--minutes $(MINUTES) --kills $(KILLS) --rate $(RATE) --workers $(WORKERS) \
		--brokers $(BROKERS) $(if $(KINDS),--only $(KINDS))

tidy: ## check the include directions, the bans and the layout of the sources
	@tools/tidy

.PHONY: sim mutants mutant test-mutant
RUNS ?= 1000
FROM ?= 1
JOBS ?= $(shell nproc)
sim: ## simulate faults by seed: RUNS=1000 from FROM=1, or SEED=n again, told step by step
	@$(MAKE) $(B)/tests/sim/sim
	@$(B)/tests/sim/sim $(or $(SEED),$(FROM) $(RUNS) $(JOBS))

mutants: ## break protocol, solver and hub in one way after the other; a test has to see each
	@$(MAKE) $(B)/tests/sim/sim
	@tests/sim/mutants

FUZZ_SECONDS ?= 30
fuzz: ## run each fuzz target for FUZZ_SECONDS (30)
	@tools/setup test
	@$(MAKE) CC=clang-14 SAN=fuzzer,address,undefined fuzz-programs
	@set -e; for p in $(FUZZ_SRC:%.c=build/clang-14-san-fuzzer-address-undefined/%); do \
		echo "fuzz: $${p##*/} for $(FUZZ_SECONDS) s"; \
		corpus=build/corpus/$${p##*/}; seeds=tests/fuzz/corpus/$${p##*/fuzz_}; \
		mkdir -p $$corpus; [ -d $$seeds ] || seeds=; \
		$$p -max_total_time=$(FUZZ_SECONDS) -print_final_stats=0 -verbosity=0 \
			-artifact_prefix=build/ $$corpus $$seeds; done

bench: ## the reference job on foretell and on Kafka Streams (EVENTS=, RUNS=, ONLY= shorten it)
	@tools/setup test bench
	@$(MAKE) all bench-programs
	@deps/venv/bin/python tests/bench/run

bench-names: all ## what resolving costs (ACCOUNTS=, MONTHS=, UNLINKED= of a simulated company)
	@tools/setup test
	@deps/venv/bin/python tests/bench/names.py

bench-forecast: ## series that the forecast stage closes a second (SERIES=, HISTORY=, CLOSES=)
	@tools/setup test
	@$(MAKE) all bench-programs
	@mkdir -p $(B)/bench
	@rm -rf $(B)/bench/forecast-store
	@$(B)/tests/bench/bench_forecast series=$(or $(SERIES),20000) \
		history=$(or $(HISTORY),200) closes=$(or $(CLOSES),16) \
		store=$(B)/bench/forecast-store

bench-memory: ## whether memory.max holds with ACCOUNTS (ten million) on disk (MEMORY=, MORE=)
	@tools/setup test
	@$(MAKE) all bench-programs
	@deps/venv/bin/python tests/bench/memory.py

bench-takeover: ## how long partitions are nobody's when a process dies for good (ACCOUNTS=)
	@tools/setup test
	@$(MAKE) all bench-programs
	@deps/venv/bin/python tests/bench/takeover.py

bench-crash: ## how long the whole line takes back after kill -9 at full load (ACCOUNTS=, KILLS=)
	@tools/setup test
	@$(MAKE) all bench-programs
	@deps/venv/bin/python tests/bench/crash.py

bench-flink: ## the reference job on foretell and on Flink
	@tools/setup test bench-flink
	@$(MAKE) all bench-programs
	@deps/venv/bin/python tests/bench/run flink

format: ## format the sources with clang-format
	@tools/setup format
	@clang-format-14 -i $(wildcard $(addsuffix /*.[ch],$(FOLDERS) tests/lib tests/unit \
		tests/driver tests/bench tests/bench/job tests/sim tests/fuzz))

image-check: ## build the container image from a Debian base made here (needs root and podman)
	@tests/deploy/image-check

clean: ## remove what was built
	@rm -rf build compile_commands.json

distclean: clean ## remove what was built and what tools/setup fetched
	@rm -rf deps

help: ## show this
	@awk -F ':.*## ' '/^[a-z_.-]+:.*## / { printf "make %-22s %s\n", $$1, $$2 }' Makefile

.PHONY: all lib objects tests demo test evaluate chaos tidy fuzz fuzz-programs bench bench-names \
	bench-flink bench-forecast bench-memory bench-takeover bench-crash \
	bench-programs format image-check clean distclean help FORCE

# ---- rules ---------------------------------------------------------------------------------

# stamp FILE,TEXT: a file that changes only when TEXT does, for others to depend on.
define stamp
	@mkdir -p $(@D)
	@printf '%s\n' '$(1)' | cmp -s - $@ || printf '%s\n' '$(1)' >$@
endef

$(B)/flags: FORCE
	$(call stamp,$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(ALLOCATOR) $(LIBS))

$(B)/sources: FORCE
	$(call stamp,$(LIB_OBJ) $(TEST_LIB_OBJ) $(BENCH_JOB_OBJ) $(SIM_OBJ))

# The list of schemas is in the stamp, since a removed file is newer than nothing.
$(B)/schemas: FORCE
	$(call stamp,$(AVSC))

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/obj/schemas_gen.o: $(B)/schemas_gen.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/schemas_gen.c: $(AVSC) $(B)/schemas tools/schemas-to-c
	@echo "  GEN   $@"
	$(Q)tools/schemas-to-c $(AVSC) >$@

$(B)/libforetell.a: $(LIB_OBJ) $(B)/sources
	@echo "  AR    $@"
	$(Q)rm -f $@ && $(AR) rcsD $@ $(LIB_OBJ)

$(B)/libtests.a: $(TEST_LIB_OBJ) $(B)/sources
	@echo "  AR    $@"
	$(Q)rm -f $@ && $(AR) rcsD $@ $(TEST_LIB_OBJ)

$(B)/foretell: $(B)/obj/cli/main.o $(B)/libforetell.a
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALLOCATOR) $(LIBS)

# An archive is searched once, so the tests' own helpers stand before what they use.
$(TEST_BIN): $(B)/%: $(B)/obj/%.o $(B)/libtests.a $(B)/libforetell.a
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lcmocka $(LIBS)

$(BENCH_BIN): $(B)/%: $(B)/obj/%.o $(BENCH_JOB_OBJ) $(B)/libforetell.a
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALLOCATOR) $(LIBS)

$(FUZZ_BIN): $(B)/%: $(B)/obj/%.o $(B)/libforetell.a
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -fsanitize=$(SAN) -o $@ $^ $(LIBS)

$(B)/tests/sim/sim: $(SIM_OBJ) $(B)/libforetell.a
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# The simulator with another SOURCE: build/mutants/NAME/SOURCE (tests/sim/mutants calls this).
MUTANT := $(B)/mutants/$(NAME)
mutant: $(SIM_OBJ) $(B)/libforetell.a
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -Wno-error -w -c -o $(MUTANT)/mutant.o \
		$(MUTANT)/$(SOURCE)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $(MUTANT)/sim $(SIM_OBJ) $(MUTANT)/mutant.o \
		$(B)/libforetell.a $(LIBS)

# The test TEST (unit/test_x, driver/test_x) with another SOURCE.
test-mutant: $(B)/obj/tests/$(TEST).o $(B)/libtests.a $(B)/libforetell.a
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -Wno-error -w -c -o $(MUTANT)/mutant.o \
		$(MUTANT)/$(SOURCE)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $(MUTANT)/test $< $(MUTANT)/mutant.o $(B)/libtests.a \
		$(B)/libforetell.a -lcmocka $(LIBS)

$(REPLAY_BIN): $(B)/tests/fuzz/replay_%: $(B)/obj/tests/fuzz/fuzz_%.o \
		$(REPLAY_SRC:%.c=$(B)/obj/%.o) $(B)/libforetell.a
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# A copy of the library whose allocations can be told from those of other libraries.
$(B)/libcounted.a: $(B)/libforetell.a
	$(Q)objcopy --redefine-sym malloc=counted_malloc --redefine-sym calloc=counted_calloc \
		--redefine-sym realloc=counted_realloc $< $@

$(B)/tests/bench/bench_counted: $(B)/obj/tests/bench/bench_worker.o $(BENCH_JOB_OBJ) \
		$(BENCH_COUNT_SRC:%.c=$(B)/obj/%.o) $(B)/libcounted.a
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

bench-programs: $(BENCH_BIN) $(B)/tests/bench/bench_counted

fuzz-programs: $(FUZZ_BIN)

compile_commands.json: FORCE ## the compiler's flags for each source, for editors
	@{ sep='['; for f in $(ALL_SRC); do \
		printf '%s\n{"directory": "%s", "file": "%s", "command": "%s"}' \
			"$$sep" '$(CURDIR)' "$$f" \
			'$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c '"$$f"; sep=','; \
	done; printf '\n]\n'; } >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# Objects of tests are kept between runs; make would delete them as intermediate files.
.SECONDARY:

-include $(ALL_SRC:%.c=$(B)/obj/%.d)
