# The one build of resopro.  `make help` lists the targets.
#
#   B=dir        where everything built goes (default build, or build-<SAN>)
#   SAN=list     address,undefined or thread: an instrumented build
#   CC=clang     another compiler
#   V=1          show whole commands
#   PREFIX= DESTDIR= sysconfdir=    where install puts things, and what the
#                installed files say of themselves

PREFIX  ?= /usr/local
DESTDIR ?=
sysconfdir ?= /etc
datadir = $(PREFIX)/share/resopro
SAN     ?=
comma   := ,
B       ?= build$(if $(SAN),-$(subst $(comma),-,$(SAN)))
VERSION := 0.1.0

# --- what Debian 12 must have: .ci/deps installs what is missing of it
DEB_BUILD := gcc make pkg-config libc6-dev protobuf-compiler \
	protobuf-c-compiler libprotobuf-c-dev libprotobuf-dev libevent-dev \
	liblmdb-dev libnghttp2-dev libssl-dev libsystemd-dev libjansson-dev \
	libcsv-dev libinih-dev libutf8proc-dev libxxhash-dev \
	libsqlite3-dev zlib1g-dev gettext
DEB_CHECK := clang libclang-rt-dev clang-format clang-tidy cppcheck \
	shellcheck mandoc libcmocka-dev python3 python3-grpcio \
	python3-protobuf python3-hpack protobuf-compiler-grpc libgrpc++-dev \
	g++ nodejs npm nghttp2-client openssl systemd git libfaketime valgrind
DEB_BENCH := linux-perf etcd-server slapd ldap-utils libldap-dev libgrpc++-dev \
	protobuf-compiler-grpc g++ nghttp2-server nghttp2-client util-linux
NPM_CHECK := @grpc/grpc-js@1.14.7 @grpc/proto-loader@0.8.1

PKGS := libevent_core libssl libcrypto libnghttp2 libprotobuf-c libsystemd jansson libutf8proc libxxhash sqlite3 zlib
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wcast-qual -Wwrite-strings -Wpointer-arith -Wundef -Wformat=2
OPT  := -O2 -g
# gcc's instrumentation makes it see null formats where there are none
WARN += $(if $(SAN),$(if $(findstring clang,$(CC)),,-Wno-format-overflow))
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer)
HARDEN := $(if $(SAN),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong -fPIC
CFLAGS  ?=
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE $(OPT) $(WARN) $(HARDEN) $(SANFLAGS) $(CFLAGS) \
	-DRESOPRO_VERSION='"$(VERSION)"'
INC := -Idaemon -Iproto -Iinclude -isystem $B/gen $(PKG_CFLAGS)
LDFLAGS_ALL := $(SANFLAGS) -Wl,-z,relro,-z,now $(LDFLAGS) -pthread

# --- generated code: protobuf-c, and the descriptors that reflection serves
PROTOS  := $(sort $(shell find proto -name '*.proto'))
PROTO_INC := -I proto -I /usr/include
GEN_C   := $(patsubst proto/%.proto,$B/gen/%.pb-c.c,$(PROTOS)) $(foreach f,timestamp any duration,$B/gen/google/protobuf/$f.pb-c.c)
GEN_O   := $(GEN_C:.c=.o) $B/gen/descriptors.o
GEN_STAMP := $B/gen/.stamp

# --- folders, lowest level first (style: includes point down only)
FOLDERS := base domain net store http2 rpc service
lib = $B/lib$(1).a
SRC_wire := $(wildcard proto/wire/*.c)
$(foreach f,$(FOLDERS),$(eval SRC_$f := $(wildcard daemon/$f/*.c)))

LIBS_wire    :=
LIBS_base    := -levent_core -levent_pthreads -lsystemd -lcrypto
LIBS_domain  := -lm
LIBS_net     := -lssl -lcrypto
LIBS_store   := -llmdb -lxxhash
LIBS_http2   := -lnghttp2
LIBS_rpc     := -lprotobuf-c -lz
LIBS_service := -lprotobuf-c -lcsv -linih -lutf8proc -lxxhash
LIBS_ALL := $(LIBS_service) $(LIBS_rpc) $(LIBS_http2) $(LIBS_store) $(LIBS_net) $(LIBS_base) $(LIBS_domain)

# A program is built once it has its main file and its library.
PROGRAMS := $(if $(wildcard daemon/main.c),$B/resoprod) \
	$(if $(and $(wildcard client/cli/main.c),$(wildcard client/lib/*.c)),$B/resopro)
LIBRARIES := $(if $(wildcard client/lib/*.c),$B/libresopro.a $B/libresopro.so)
LOCALES := $(patsubst client/cli/po/%.po,$B/locale/%/LC_MESSAGES/resopro.mo,$(wildcard client/cli/po/*.po))

.PHONY: all archives unit-programs
all: $(PROGRAMS) $(LIBRARIES) $(LOCALES) archives
archives: $(addprefix $B/lib,$(addsuffix .a,wire $(FOLDERS) cli daemon))

# $(call Q,WHAT)command: one short line a command, unless V=1
Q = $(if $(V),,@echo '  $(1) $@' && )
obj = $(patsubst %.c,$B/%.o,$(1))
$B/libwire.a: $(call obj,$(SRC_wire))
$(foreach f,$(FOLDERS),$(eval $B/lib$f.a: $$(call obj,$$(SRC_$f))))
$B/libgen.a: $(GEN_O)
$B/lib%.a:
	$(call Q,AR)rm -f $@ && ar rcs $@ $^

$(GEN_STAMP): $(PROTOS)
	@mkdir -p $B/gen
	$(call Q,PROTOC)protoc-c $(PROTO_INC) --c_out=$B/gen $(PROTOS) $(addprefix /usr/include/google/protobuf/,timestamp.proto any.proto duration.proto)
	@# the INIT macros would drop a const where they are used: -Wcast-qual
	@find $B/gen -name '*.pb-c.h' -exec sed -i \
	    's/(char \*)protobuf_c_empty_string/(char *)(uintptr_t)protobuf_c_empty_string/g' {} +
	@protoc $(PROTO_INC) --include_imports --descriptor_set_out=$B/gen/descriptors.bin $(PROTOS)
	@{ echo '/* Generated: the FileDescriptorSet of proto/. */'; \
	   echo '#include "descriptors.h"'; \
	   echo 'const unsigned char descriptor_set[] = {'; \
	   od -An -v -tx1 $B/gen/descriptors.bin | sed 's/ \(..\)/0x\1,/g'; \
	   echo '};'; echo 'const size_t descriptor_set_len = sizeof descriptor_set;'; } > $B/gen/descriptors.c
	@{ echo '#ifndef GEN_DESCRIPTORS_H'; echo '#define GEN_DESCRIPTORS_H'; echo '#include <stddef.h>'; \
	   echo 'extern const unsigned char descriptor_set[];'; \
	   echo 'extern const size_t descriptor_set_len;'; echo '#endif'; } > $B/gen/descriptors.h
	@touch $@
$(GEN_C) $B/gen/descriptors.c: $(GEN_STAMP) ;

$B/gen/%.o: $B/gen/%.c
	$(call Q,CC)$(CC) -std=gnu11 $(OPT) $(HARDEN) $(SANFLAGS) -I$B/gen $(PKG_CFLAGS) -c -o $@ $<
# Generated headers are system ones, which -MMD leaves out.
$B/%.o: %.c $(GEN_STAMP)
	@mkdir -p $(@D)
	$(call Q,CC)$(CC) $(ALL_CFLAGS) $(INC) -MMD -MP -c -o $@ $<

# --- programs
# Where the data files are by default follows PREFIX, also at `make install`.
.PHONY: force
$B/.datadir: force
	@mkdir -p $B
	@echo '$(datadir)' | cmp -s - $@ || echo '$(datadir)' > $@
$B/daemon/config.o: ALL_CFLAGS += -DRESOPRO_DATADIR='"$(datadir)"'
$B/daemon/config.o: $B/.datadir

MAIN_O := $(call obj,$(wildcard daemon/*.c))
$B/libdaemon.a: $(filter-out %/main.o,$(MAIN_O))
DAEMON_LIBS := $B/libservice.a $B/librpc.a $B/libhttp2.a $B/libstore.a $B/libnet.a $B/libdomain.a $B/libbase.a $B/libgen.a $B/libwire.a
$B/resoprod: $(MAIN_O) $(DAEMON_LIBS)
	$(call Q,LD)$(CC) $(LDFLAGS_ALL) -o $@ $(MAIN_O) -Wl,--start-group $(DAEMON_LIBS) -Wl,--end-group $(LIBS_ALL)

CLIENT_O := $(call obj,$(wildcard client/lib/*.c)) $(call obj,$(SRC_wire)) $(GEN_C:.c=.o)
$B/libresopro.a: $(CLIENT_O)
$B/libresopro.so: $(CLIENT_O) $(wildcard client/lib/libresopro.map)
	$(call Q,LD)$(CC) $(LDFLAGS_ALL) -shared -Wl,-soname,libresopro.so.0 $(if $(wildcard client/lib/libresopro.map),-Wl$(comma)--version-script=client/lib/libresopro.map) \
	    -o $@ $(CLIENT_O) -lssl -lcrypto -lnghttp2 -lprotobuf-c -lz
$B/locale/%/LC_MESSAGES/resopro.mo: client/cli/po/%.po
	@mkdir -p $(@D)
	$(call Q,MO)msgfmt --check-format -o $@ $<
CLI_O := $(call obj,$(wildcard client/cli/*.c))
$B/libcli.a: $(filter-out %/main.o,$(CLI_O))
CLI_LIBS := -lssl -lcrypto -lnghttp2 -lprotobuf-c -lz -ljansson -lcsv -linih -lutf8proc -lsqlite3
$B/resopro: $(CLI_O) $B/libresopro.a
	$(call Q,LD)$(CC) $(LDFLAGS_ALL) -o $@ $(CLI_O) $B/libresopro.a $(CLI_LIBS)

# --- unit tests: tests/unit/<folder>/test_*.c links that folder and below
ARCH_wire    := $B/libwire.a
ARCH_base    := $B/libbase.a $(ARCH_wire)
ARCH_domain  := $B/libdomain.a $(ARCH_wire)
ARCH_net     := $B/libnet.a $B/libbase.a $(ARCH_wire)
ARCH_store   := $B/libstore.a $B/libdomain.a $B/libbase.a $(ARCH_wire)
ARCH_http2   := $B/libhttp2.a $(ARCH_net)
ARCH_rpc     := $B/librpc.a $B/libgen.a $(ARCH_http2)
ARCH_service := $B/libservice.a $B/librpc.a $B/libgen.a $B/libhttp2.a $B/libnet.a $(ARCH_store)
ARCH_client  := $B/libresopro.a
ARCH_cli     := $B/libcli.a $B/libresopro.a
ARCH_daemon  := $B/libdaemon.a $(ARCH_service)
LIBS_client  := $(CLI_LIBS)
LIBS_cli     := $(CLI_LIBS)
UNIT_FOLDERS := wire $(FOLDERS) client cli daemon
UNIT_TESTS := $(patsubst %.c,$B/%,$(wildcard tests/unit/*/test_*.c))
ifeq ($(LIBRARIES),)
UNIT_TESTS := $(filter-out $B/tests/unit/cli/%,$(UNIT_TESTS))
endif
SUPPORT_O := $(call obj,$(wildcard tests/support/*.c))
define unit_rule
$B/tests/unit/$(1)/test_%: $B/tests/unit/$(1)/test_%.o $$(ARCH_$(1)) $$(SUPPORT_O)
	$$(call Q,LD)$$(CC) $$(LDFLAGS_ALL) -o $$@ $$< $$(SUPPORT_O) -Wl,--start-group $$(ARCH_$(1)) -Wl,--end-group \
	    -lcmocka $$(LIBS_$(1)) $$(LIBS_ALL)
endef
$(foreach f,$(UNIT_FOLDERS),$(eval $(call unit_rule,$f)))
unit-programs: $(UNIT_TESTS)
.PRECIOUS: $B/%.o
.SECONDARY:

# --- fuzzers: clang, ASan, UBSan and coverage of the code below, in a build
# of its own ($(B_FUZZ)); tests/fuzz/run.py runs them
FUZZERS := $(patsubst %.c,$B/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_LIBS := $(DAEMON_LIBS) $B/libdaemon.a $B/libcli.a $B/libresopro.a
fuzzers: $(FUZZERS)
$B/tests/fuzz/fuzz_%: $B/tests/fuzz/fuzz_%.o $(FUZZ_LIBS)
	$(call Q,LD)$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $< \
	    -Wl,--start-group $(FUZZ_LIBS) -Wl,--end-group $(LIBS_ALL) $(CLI_LIBS)

# --- benchmark: the records that every system is measured with
BENCH_DATA_O := $(call obj,$(wildcard tests/bench/data/*.c))
BENCH_LOAD_O := $(call obj,$(wildcard tests/bench/load/*.c))
BENCH_PROGRAMS := $B/tests/bench/resopro-bench-data $B/tests/bench/resopro-load
$B/tests/bench/resopro-bench-data: $(BENCH_DATA_O) $B/libresopro.a
	$(call Q,LD)$(CC) $(LDFLAGS_ALL) -o $@ $(BENCH_DATA_O) $B/libresopro.a $(CLI_LIBS)
# ... and the load that is put on them
BENCH_CLIENT_O := $(filter-out %/main.o %/sync.o,$(BENCH_DATA_O))
$B/tests/bench/resopro-load: $(BENCH_LOAD_O) $(BENCH_CLIENT_O) $B/libresopro.a
	$(call Q,LD)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(CLI_LIBS)
# The peers' own, for `make bench` only: gRPC C++'s server, LDAP's load.
BENCH_CPP := $B/tests/bench/cpp
BENCH_PEERS := $B/tests/bench/grpc_server $B/tests/bench/ldap_load
$B/tests/bench/ldap_load: $B/tests/bench/peers/ldap_load.o $(BENCH_CLIENT_O) $B/libresopro.a \
    $(addprefix $B/tests/bench/load/,options.o report.o hist.o sample.o)
	$(call Q,LD)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lldap -llber $(CLI_LIBS)
$(BENCH_CPP)/.stamp: proto/resopro/v1/registry.proto proto/resopro/v1/types.proto
	@mkdir -p $(@D)
	$(call Q,PROTOC)protoc $(PROTO_INC) --cpp_out=$(@D) --grpc_out=$(@D) \
	    --plugin=protoc-gen-grpc=$$(command -v grpc_cpp_plugin) $^
	@touch $@
$B/tests/bench/grpc_server: tests/bench/peers/grpc_server.cc $(BENCH_CPP)/.stamp
	$(call Q,C++)g++ -std=c++17 -O2 -Wall -Wextra -Werror -isystem $(BENCH_CPP) -o $@ $< \
	    $(addprefix $(BENCH_CPP)/resopro/v1/,registry.pb.cc registry.grpc.pb.cc types.pb.cc) \
	    $$(pkg-config --libs grpc++ protobuf) -pthread
.PHONY: bench-programs bench-peers
bench-programs: $(BENCH_PROGRAMS)
bench-peers: $(BENCH_PEERS)

# PEERS=etcd,slapd CASES=get,put SHAPES=16x16 ROUNDS=5 choose; $B/bench has the
# results, and the data, which is kept.
.PHONY: bench deps-bench
bench: deps-build deps-bench
	+@$(MAKE) --no-print-directory -j$(JOBS) all bench-programs bench-peers
	@tests/bench/run --build $B $(addprefix --peers ,$(PEERS)) \
	    $(addprefix --cases ,$(CASES)) $(addprefix --shapes ,$(SHAPES)) \
	    $(addprefix --rounds ,$(ROUNDS))
deps-bench:
	@.ci/deps $(DEB_BENCH)
# The time of a Get and of a Put by layer, from a profile.
.PHONY: bench-layers
bench-layers: deps-bench all bench-programs
	tests/bench/layers.py
# Instructions a call: tests/bench/count.txt anew; `make check` compares.
.PHONY: bench-count
bench-count: all bench-programs
	tests/bench/count.py --write

# --- checks
# One tree, three builds: gcc; clang with ASan+UBSan; gcc with TSan.
JOBS   ?= $(shell nproc)
B_ASAN := $B-asan
B_TSAN := $B-tsan
B_FUZZ := $B-fuzz
IN_ASAN := B=$(B_ASAN) CC=clang SAN=address,undefined
IN_TSAN := B=$(B_TSAN) CC=gcc SAN=thread
IN_FUZZ := B=$(B_FUZZ) CC=clang SAN=address,undefined \
	CFLAGS=-fsanitize=fuzzer-no-link
RUN := tests/run --jobs $(JOBS) --timeout 900 --build $B
LINTS := $(wildcard tests/lint/*.sh)
INTEGRATION := $(wildcard tests/integration/*.sh tests/integration/*.py)
INTEROP := $(wildcard tests/interop/*.sh tests/interop/*.py)
# What an instrumented daemon, too, must stand
DAEMON_ASAN := tests/integration/bad-input.py tests/interop/python-streams.py
DAEMON_TSAN := tests/integration/store-faults.py tests/interop/python-streams.py
UNIT_ASAN := $(patsubst $B/%,$(B_ASAN)/%,$(UNIT_TESTS))
UNIT_TSAN := $(patsubst $B/%,$(B_TSAN)/%,$(UNIT_TESTS))

.PHONY: check check-built unit lint integration interop fuzz fuzzers deps \
	deps-build format run demo help install clean

# Packages first: what is installed decides the flags that make reads.
check: deps
	+@$(MAKE) --no-print-directory -j$(JOBS) check-built
check-built:
	+@$(MAKE) --no-print-directory all unit-programs bench-programs
	+@$(MAKE) --no-print-directory $(IN_ASAN) all unit-programs
	+@$(MAKE) --no-print-directory $(IN_TSAN) all unit-programs
	+@$(MAKE) --no-print-directory $(IN_FUZZ) fuzzers
	@$(RUN) --suite lint $(LINTS) --suite unit $(UNIT_TESTS) \
	    --suite unit-asan $(UNIT_ASAN) --suite unit-tsan $(UNIT_TSAN) \
	    --suite fuzz tests/fuzz/run.py \
	    --suite integration $(INTEGRATION) --suite interop $(INTEROP) \
	    --suite count tests/bench/count.py \
	    --build $(B_ASAN) --suite daemon-asan $(DAEMON_ASAN) \
	    --build $(B_TSAN) --suite daemon-tsan $(DAEMON_TSAN)

unit: unit-programs
	@$(RUN) --suite unit $(UNIT_TESTS)
lint:
	@$(RUN) --suite lint $(LINTS)
integration: all bench-programs
	@$(RUN) --suite integration $(INTEGRATION)
interop: all
	@$(RUN) --suite interop $(INTEROP)
# Longer than the check, and from another place each time.
FUZZ_SECONDS ?= 20
fuzz: deps
	+@$(MAKE) --no-print-directory -j$(JOBS) $(IN_FUZZ) fuzzers
	RESOPRO_BUILD=$B tests/fuzz/run.py --seconds $(FUZZ_SECONDS)

deps:
	@.ci/deps $(DEB_BUILD) $(DEB_CHECK)
	@.ci/deps-npm $B/npm $(NPM_CHECK)
deps-build:
	@.ci/deps $(DEB_BUILD)

# --- catalogues of what people read: the template from the sources, then each
# language from the template; tests/lint/catalogue.sh refuses what is missing
PO := client/cli/po
XGETTEXT := xgettext --language=C --from-code=UTF-8 -k_ -kN_ \
	-ki18n_plural:1,2 --add-comments=TRANSLATORS --no-location \
	--sort-output --width=79
po:
	@$(XGETTEXT) -o $(PO)/resopro.new client/cli/*.[ch] 2>/dev/null
	@{ sed '/^$$/q' $(PO)/resopro.pot; sed '1,/^$$/d' $(PO)/resopro.new; } \
	    > $(PO)/resopro.all && rm $(PO)/resopro.new
	@mv $(PO)/resopro.all $(PO)/resopro.pot
	@for l in $(PO)/*.po; do msgmerge --quiet --update --backup=none \
	    --no-fuzzy-matching --no-location --sort-output --width=79 \
	    "$$l" $(PO)/resopro.pot && \
	    msgattrib --no-obsolete --sort-output --width=79 -o "$$l" "$$l"; done

format:
	git ls-files '*.c' '*.h' | xargs clang-format -i

# --- a populated daemon: in the foreground, or for one told night
run: deps-build
	+@$(MAKE) --no-print-directory -j$(JOBS) all
	tests/support/run.sh $B
demo: deps-build
	+@$(MAKE) --no-print-directory -j$(JOBS) all
	tests/support/demo.sh $B

# --- install: what the files say of their places follows PREFIX
SONAME := libresopro.so.0
PLACES := sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@VERSION@|$(VERSION)|g' \
	-e 's|@SYSCONFDIR@|$(sysconfdir)|g' -e 's|/usr/local/share/resopro|$(datadir)|g' \
	-e 's|/etc/resopro|$(sysconfdir)/resopro|g'
D := $(DESTDIR)$(PREFIX)
CONF := $(DESTDIR)$(sysconfdir)/resopro
# $(call put,mode,from,to): fill in the places on the way
put = @mkdir -p $(dir $(3)) && $(PLACES) $(2) > $(3) && chmod $(1) $(3)

install: all
	install -D -m 755 $B/resoprod $D/sbin/resoprod
	install -D -m 755 $B/resopro $D/bin/resopro
	install -D -m 644 $B/libresopro.a $D/lib/libresopro.a
	install -D -m 755 $B/libresopro.so $D/lib/libresopro.so.$(VERSION)
	ln -sf libresopro.so.$(VERSION) $D/lib/$(SONAME)
	ln -sf $(SONAME) $D/lib/libresopro.so
	$(call put,644,client/lib/resopro.pc.in,$D/lib/pkgconfig/resopro.pc)
	cd include && find resopro -name '*.h' -exec install -D -m 644 {} $(abspath $D)/include/{} ';'
	cd $B/gen && find resopro google/protobuf -name '*.pb-c.h' -exec install -D -m 644 {} $(abspath $D)/include/{} ';'
	cd proto && find . -name '*.proto' -exec install -D -m 644 {} $(abspath $D)/share/resopro/proto/{} ';'
	cd client/examples && find . -type f \
	    -exec install -D -m 644 {} $(abspath $D)/share/doc/resopro/examples/{} ';'
	cd config && find territories vocabularies referral-rules.conf \
	    search-words.conf -type f \
	    -exec install -D -m 644 {} $(abspath $(DESTDIR)$(datadir))/{} ';'
	$(call put,644,daemon/resoprod.8,$D/share/man/man8/resoprod.8)
	$(call put,644,daemon/resoprod.conf.5,$D/share/man/man5/resoprod.conf.5)
	$(call put,644,client/cli/resopro.1,$D/share/man/man1/resopro.1)
	$(call put,644,client/lib/libresopro.3,$D/share/man/man3/libresopro.3)
	$(if $(wildcard client/cli/resopro.bash),install -D -m 644 client/cli/resopro.bash $D/share/bash-completion/completions/resopro)
	cd $B && find locale -name '*.mo' -exec install -D -m 644 {} $(abspath $D)/share/{} ';'
	@# what the administrator wrote stays: the new defaults go beside it
	$(call put,644,config/resoprod.conf,$(CONF)/resoprod.conf.new)
	@if [ ! -e $(CONF)/resoprod.conf ]; then \
	    mv $(CONF)/resoprod.conf.new $(CONF)/resoprod.conf; \
	elif cmp -s $(CONF)/resoprod.conf.new $(CONF)/resoprod.conf; then \
	    rm $(CONF)/resoprod.conf.new; \
	else echo 'kept: $(CONF)/resoprod.conf; new: resoprod.conf.new'; fi
	$(call put,644,systemd/resoprod.service,$D/lib/systemd/system/resoprod.service)
	$(call put,644,systemd/resopro-push.service,$D/lib/systemd/system/resopro-push.service)
	$(call put,644,systemd/resopro-push.timer,$D/lib/systemd/system/resopro-push.timer)
	$(call put,644,config/push.conf,$(datadir:%=$(DESTDIR)%)/push.conf)
	$(call put,644,systemd/resoprod.sysusers,$D/lib/sysusers.d/resoprod.conf)
	$(call put,644,systemd/resoprod.tmpfiles,$D/lib/tmpfiles.d/resoprod.conf)

help:
	@echo 'make [all]     build the daemon, the CLI and the library in $B/'
	@echo 'make demo      install what is missing, build, play one night of a member'
	@echo 'make run       the populated daemon in the foreground; source $B/run/env'
	@echo 'make check     packages, gcc and clang builds, lint, every test'
	@echo 'make unit | lint | integration | interop     one part of the check'
	@echo 'make fuzz      every fuzzer for FUZZ_SECONDS=20'
	@echo 'make install DESTDIR= PREFIX=/usr/local sysconfdir=/etc'
	@echo 'make bench     etcd, slapd, gRPC C++ and nghttpd beside it; ROUNDS=5'
	@echo '               PEERS=etcd,slapd CASES=get,put SHAPES=16x16 choose'
	@echo 'make deps      packages that building and checking need'
	@echo 'make bench-layers  where the time of a Get and of a Put goes'
	@echo 'make bench-count   count the instructions of a call, for make check'
	@echo 'make format    clang-format over the tree'
	@echo 'make po        texts of the command into their catalogues'
	@echo 'make clean     remove every build directory'
	@echo 'Variables: B=dir SAN=address,undefined|thread CC=clang JOBS=n'

clean:
	rm -rf build build-*

-include $(shell find $B -name '*.d' 2>/dev/null)
