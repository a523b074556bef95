# SPDX-License-Identifier: MIT
# gdws. `make help` lists the targets. Everything is built into $(BUILD).

BUILD      ?= build
PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DESTDIR    ?=
PKG_CONFIG ?= pkg-config
CFLAGS     ?= -O2 -g
WERROR     ?= 0
FUZZ_SECONDS ?= 10
FAULT_FIRST ?= 1
FAULT_SEEDS ?= 1000
NETWORK_TIMES ?= 1

comma := ,
VERSION := 0.1.0
ABI     := 0

# What we need, apart from what the user asks for: CPPFLAGS, CFLAGS and LDFLAGS come last.
PACKAGES := libwebsockets libuv libssl libcrypto zlib libcjson
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wundef \
            -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wcast-qual -Wformat=2 \
            -Wdouble-promotion -Wnull-dereference -Wvla $(if $(filter 1,$(WERROR)),-Werror)
# Files may be large, also where a long has 32 bits.
OUR_CPPFLAGS := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Iinclude
OUR_CFLAGS   := -std=c11 -fPIC -fvisibility=hidden $(WARNINGS)
LIBS       = $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lpthread
LIB_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(PACKAGES))
CHECK_LIBS = $(shell $(PKG_CONFIG) --libs check)

# Event loops for which there are adapters: the tests take those that are there. All is looked up
# when it is used, since `make deps check` installs them first. libev has no .pc file in Debian.
HAVE_LIBEV    = $(shell echo '\#include <ev.h>' | $(CC) -E - >/dev/null 2>&1 && echo 1)
LOOP_PACKAGES = $(shell for one in libevent_core glib-2.0; do $(PKG_CONFIG) --exists $$one && echo $$one; done)
GLIB_CFLAGS   = $(subst -I,-isystem ,$(shell $(PKG_CONFIG) --cflags glib-2.0))
LOOP_FLAGS    = $(if $(HAVE_LIBEV),-DHAVE_LIBEV) $(if $(findstring libevent_core,$(LOOP_PACKAGES)),-DHAVE_LIBEVENT) \
                $(if $(findstring glib,$(LOOP_PACKAGES)),-DHAVE_GLIB $(GLIB_CFLAGS))
# libev has functions named as libevent's, so it comes last.
LOOP_LIBS     = $(if $(LOOP_PACKAGES),$(shell $(PKG_CONFIG) --libs $(LOOP_PACKAGES))) $(if $(HAVE_LIBEV),-lev)

SOURCES := $(wildcard lib/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/lib/inspector_files.o
PAGE    := $(filter-out %.sh,$(wildcard lib/inspector/*))
HEADERS := $(wildcard include/gdws/*.h)
ADAPTERS := $(wildcard include/gdws/adapters/*.h)
# Samples that need another library are built where pkg-config finds it.
NEEDED_embed_httpd := libmicrohttpd
NEEDED_embed_glib := glib-2.0
is_buildable = $(if $(NEEDED_$(1)),$(shell $(PKG_CONFIG) --exists $(NEEDED_$(1)) && echo $(1)),$(1))
SAMPLES := $(foreach name,$(basename $(notdir $(wildcard samples/*.c))),$(addprefix $(BUILD)/samples/,$(call is_buildable,$(name))))
SUITES  := $(patsubst test/%/runtests.c,%,$(wildcard test/*/runtests.c))
SUITE_PROGRAMS := $(SUITES:%=$(BUILD)/test/%)
BENCH   := $(patsubst %,$(BUILD)/bench/%,idle instructions load gdws_echo gdws_clients lws_echo lws_clients bare_echo)
INTEROP := $(patsubst test/interop/%.c,$(BUILD)/test/%,$(wildcard test/interop/*.c))
LEDGER  := $(BUILD)/test/ledger
COMEBACK := $(BUILD)/test/comeback
SOAK    := $(BUILD)/test/soak
FAULTS  := $(BUILD)/test/faults
NETWORK := $(BUILD)/test/network
TORTURE_PROGRAM := $(BUILD)/test/torture
SUPPORT := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard test/support/*.c))
STATIC  := $(BUILD)/libgdws.a
SHARED  := $(BUILD)/libgdws.so.$(VERSION)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help demo bench bench-instructions check check-unit check-integration check-hostile check-oom \
        check-adapters interop check-asan check-tsan check-valgrind check-install check-symbols \
        check-headers check-layers check-docs check-style fuzz ledger comeback soak install uninstall deps \
        deps-interop deps-ci clean faults check-versions check-32bit fuzz-merge fuzz-coverage network \
        coverage torture tests FORCE

all: $(STATIC) $(SHARED) $(BUILD)/gdws.pc $(SAMPLES) ## the library, static and shared, and the samples

help: ## this list
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/\1|\2/p' Makefile | \
	    while IFS='|' read -r name text; do printf '%-18s %s\n' "$$name" "$$text"; done

# A change of flags rebuilds everything.
$(BUILD)/flags: FORCE
	@mkdir -p $(BUILD)
	@echo '$(CC) $(OUR_CFLAGS) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) $(LOOP_FLAGS)' | cmp -s - $@ || \
	    echo '$(CC) $(OUR_CFLAGS) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) $(LOOP_FLAGS)' > $@

$(BUILD)/obj/lib/%.o: lib/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(OUR_CPPFLAGS) -Ilib $(LIB_CFLAGS) $(OUR_CFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# The inspector's page.
$(BUILD)/inspector_files.c: lib/inspector/embed.sh $(PAGE)
	@mkdir -p $(@D)
	sh lib/inspector/embed.sh $(PAGE) > $@

$(BUILD)/obj/lib/inspector_files.o: $(BUILD)/inspector_files.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(OUR_CPPFLAGS) -Ilib $(OUR_CFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/obj/samples/%.o: samples/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(OUR_CPPFLAGS) $(if $(NEEDED_$*),$(shell $(PKG_CONFIG) --cflags $(NEEDED_$*))) $(OUR_CFLAGS) \
	    $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/obj/test/%.o: test/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(OUR_CPPFLAGS) -Ilib -Itest/support $(LIB_CFLAGS) $(OUR_CFLAGS) $(EXTRA_CFLAGS) $(CPPFLAGS) \
	    $(CFLAGS) -MMD -MP -c $< -o $@

$(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard test/support/host*.c)): EXTRA_CFLAGS = $(LOOP_FLAGS)

$(STATIC): $(OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

$(SHARED): $(OBJECTS) lib/gdws.map
	$(CC) -shared -Wl,-soname,libgdws.so.$(ABI) -Wl,--version-script=lib/gdws.map -Wl,-z,defs \
	    $(OBJECTS) $(LIBS) $(CFLAGS) $(LDFLAGS) -o $@
	ln -sf $(@F) $(BUILD)/libgdws.so.$(ABI)
	ln -sf $(@F) $(BUILD)/libgdws.so

$(BUILD)/samples/%: $(BUILD)/obj/samples/%.o $(STATIC)
	@mkdir -p $(@D)
	$(CC) $^ $(LIBS) $(if $(NEEDED_$*),$(shell $(PKG_CONFIG) --libs $(NEEDED_$*))) $(CFLAGS) $(LDFLAGS) -o $@

# Only where GLib is.
$(BUILD)/samples/embed_glib: samples/embed_glib.c $(STATIC) $(BUILD)/flags
	@mkdir -p $(@D)
	$(if $(findstring glib,$(LOOP_PACKAGES)),$(CC) $(OUR_CPPFLAGS) $(OUR_CFLAGS) $(GLIB_CFLAGS) $(CPPFLAGS) $(CFLAGS) $< \
	    $(STATIC) $(shell $(PKG_CONFIG) --libs glib-2.0) $(LIBS) $(LDFLAGS) -o $@,@echo 'skipped: $<, GLib is not installed')

# One test program for each directory of test/ that has a runtests.c. The wraps are for
# test/support/host.c.
WRAPS := -Wl,--wrap=gdws_loop_new,--wrap=gdws_loop_poll,--wrap=gdws_loop_wait
define suite
$(BUILD)/test/$(1): $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard test/$(1)/*.c)) $(SUPPORT) $(STATIC)
	@mkdir -p $$(@D)
	$$(CC) $$^ $$(WRAPS) $$(CHECK_LIBS) $$(LOOP_LIBS) $$(LIBS) $$(CFLAGS) $$(LDFLAGS) -o $$@
endef
$(foreach name,$(SUITES),$(eval $(call suite,$(name))))

# The integration suite's tests, in the hands of test/torture instead of Check's.
TORTURE_WRAPS := $(patsubst %,-Wl$(comma)--wrap=%,suite_create tcase_add_checked_fixture _tcase_add_test _mark_point \
    _ck_assert_failed srunner_run_all srunner_ntests_failed gdws_client_new gdws_client_free gdws_server_new gdws_server_free \
    gdws_multiplayer_new gdws_multiplayer_free gdws_inspector_new gdws_inspector_free gdwsi_context_new \
    gdwsi_context_destroy gdws_server_init_lws_protocol gdws_variant_new pthread_create)
$(TORTURE_PROGRAM): $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard test/torture/*.c test/integration/*.c)) $(SUPPORT) $(STATIC)
	@mkdir -p $(@D)
	$(CC) $^ $(WRAPS) $(TORTURE_WRAPS) $(CHECK_LIBS) $(LOOP_LIBS) $(LIBS) $(CFLAGS) $(LDFLAGS) -o $@

$(INTEROP): $(BUILD)/test/%: $(BUILD)/obj/test/interop/%.o $(STATIC)
	@mkdir -p $(@D)
	$(CC) $^ $(LIBS) $(CFLAGS) $(LDFLAGS) -o $@

$(LEDGER): $(BUILD)/obj/test/ledger/ledger.o $(STATIC)
	@mkdir -p $(@D)
	$(CC) $^ $(LIBS) $(CFLAGS) $(LDFLAGS) -o $@

$(COMEBACK): $(BUILD)/obj/test/comeback/comeback.o $(STATIC)
	@mkdir -p $(@D)
	$(CC) $^ $(LIBS) $(CFLAGS) $(LDFLAGS) -o $@

$(SOAK): $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard test/soak/*.c)) $(BUILD)/obj/test/support/certs.o $(STATIC)
	@mkdir -p $(@D)
	$(CC) $^ $(LIBS) $(CFLAGS) $(LDFLAGS) -o $@

$(FAULTS): $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out %/shim.c,$(wildcard test/faults/*.c)) test/support/certs.c) \
           $(STATIC) | $(FAULTS).so
	@mkdir -p $(@D)
	$(CC) $^ $(LIBS) $(CFLAGS) $(LDFLAGS) -o $@

# Without the flags of sanitizers: it stands before their functions. It has open and open64 itself.
$(FAULTS).so: test/faults/shim.c test/faults/shim.h $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(OUR_CPPFLAGS) -U_FILE_OFFSET_BITS $(OUR_CFLAGS) $(CPPFLAGS) -O2 -g -shared $< -o $@

$(NETWORK): $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard test/network/*.c)) $(STATIC)
	@mkdir -p $(@D)
	$(CC) $^ $(LIBS) $(CFLAGS) $(LDFLAGS) -o $@

$(BENCH): $(BUILD)/bench/%: $(BUILD)/obj/test/bench/%.o $(BUILD)/obj/test/bench/process.o $(STATIC)
	@mkdir -p $(@D)
	$(CC) $^ $(LIBS) $(CFLAGS) $(LDFLAGS) -o $@

bench: $(BENCH) ## CPU time per message, side by side with libwebsockets and others
	@test/bench/bench.py $(BUILD)

bench-instructions: $(BUILD)/bench/instructions ## instructions per message, against the baseline
	@CC="$(CC)" test/bench/instructions.sh $(BUILD)

ledger: $(LEDGER) ## 1,000 multiplayer peers in one room for 60 s, every packet booked
	$< 1000 10 60

comeback: $(COMEBACK) ## 5,000 clients lose their server and find it again
	$< 5000 1000

soak: $(SOAK) ## 2,000 peers of all kinds for 30 min, every message booked (SOAK_SECONDS, SOAK_PEERS, SOAK_SEED)
	$<

faults: $(FAULTS) ## system calls that fail by a seeded dice: FAULT_SEEDS seeds from FAULT_FIRST on
	$< $(FAULT_FIRST) $(FAULT_SEEDS)

network: $(NETWORK) ## packets lost, delayed, reordered, a link that is down: needs root, takes 70 s
	$< $(NETWORK_TIMES)

torture: $(TORTURE_PROGRAM) ## the integration suite with each allocation failing: TORTURE=all, or 6 of each test and kind
	GDWS_TEST_SLOW=1 $<

tests: $(SUITE_PROGRAMS) $(INTEROP) $(LEDGER) $(COMEBACK) $(SOAK) $(FAULTS) $(NETWORK) $(TORTURE_PROGRAM) $(SAMPLES)

# Rewritten when PREFIX changes.
$(BUILD)/gdws.pc: pkgconfig/gdws.pc.in FORCE
	@mkdir -p $(BUILD)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@VERSION@|$(VERSION)|' $< > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

demo: all ## an echo server with C, Python, Godot and browser clients
	@test/demo/run.sh $(BUILD)

check: all tests ## all tests
	@test/checks/check.sh $(BUILD)

check-unit check-integration check-hostile check-oom check-adapters: check-%: $(BUILD)/test/% $(SAMPLES) ## one suite
	$<

interop: tests ## conversations with Godot, Chromium and Python
	@test/interop/run.sh $(BUILD)

check-asan: ## the suites under AddressSanitizer and UndefinedBehaviorSanitizer
	@test/checks/sanitize.sh asan $(BUILD)/asan

check-tsan: ## the suites under ThreadSanitizer
	@test/checks/sanitize.sh tsan $(BUILD)/tsan

check-valgrind: tests ## the suites under valgrind
	@test/checks/valgrind.sh $(BUILD)

check-install: all ## install, use by pkg-config, uninstall
	@test/checks/install.sh

check-symbols: $(SHARED) ## headers, version script and exported symbols agree
	@test/checks/symbols.sh $(SHARED)

check-headers: ## each public header compiles alone, as C99 and as C++11
	@test/checks/headers.sh

check-layers: ## each file includes only those above it
	@test/checks/layers.sh

check-docs: all ## the code in the documents compiles and runs
	@test/checks/docs.py $(BUILD)

check-style: ## format, length and complexity of functions, scripts
	@test/checks/style.sh

check-versions: ## the suites with a newer libwebsockets, from packages that are not installed
	@test/checks/versions.sh newer $(BUILD)/versions

check-32bit: ## the suites on 32-bit x86
	@test/checks/versions.sh 32bit $(BUILD)/versions

coverage: ## lines and branches of lib/ that the tests run
	@test/checks/coverage.sh $(BUILD)/coverage

fuzz: ## each fuzz target for FUZZ_SECONDS
	@PACKAGES="$(PACKAGES)" test/checks/fuzz.sh $(BUILD)/fuzz $(FUZZ_SECONDS)

fuzz-merge: ## take into test/fuzz/corpus what runs of fuzz have found
	@PACKAGES="$(PACKAGES)" test/checks/fuzz.sh $(BUILD)/fuzz merge

fuzz-coverage: ## what the corpora of the fuzz targets reach in lib/; needs llvm-14
	@PACKAGES="$(PACKAGES)" test/checks/fuzz.sh $(BUILD)/fuzz coverage

install: all ## into $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)/gdws/adapters
	install -m 644 $(HEADERS) $(DESTDIR)$(INCLUDEDIR)/gdws/
	install -m 644 $(ADAPTERS) $(DESTDIR)$(INCLUDEDIR)/gdws/adapters/
	install -m 644 $(STATIC) $(DESTDIR)$(LIBDIR)/
	install -m 755 $(SHARED) $(DESTDIR)$(LIBDIR)/
	ln -sf $(notdir $(SHARED)) $(DESTDIR)$(LIBDIR)/libgdws.so.$(ABI)
	ln -sf $(notdir $(SHARED)) $(DESTDIR)$(LIBDIR)/libgdws.so
	install -m 644 $(BUILD)/gdws.pc $(DESTDIR)$(LIBDIR)/pkgconfig/

uninstall: ## what install has installed
	rm -rf $(DESTDIR)$(INCLUDEDIR)/gdws
	rm -f $(DESTDIR)$(LIBDIR)/libgdws.a $(DESTDIR)$(LIBDIR)/libgdws.so* \
	    $(DESTDIR)$(LIBDIR)/pkgconfig/gdws.pc

deps: ## what is needed to build and test, by apt-get
	@test/checks/deps.sh build

deps-interop: ## Godot, Chromium and Python's websockets, by apt-get
	@test/checks/deps.sh interop

deps-ci: ## what the stricter checks need, by apt-get
	@test/checks/deps.sh ci

clean: ## remove $(BUILD)
	rm -rf $(BUILD)

-include $(wildcard $(BUILD)/obj/*/*.d $(BUILD)/obj/*/*/*.d)
