# The one build of resopro.  `make help` lists the targets.
#
#   B=dir        where everything built goes (default build, or build-<SAN>)
#   SAN=list     address,undefined or thread: an instrumented build
#   CC=clang     another compiler

PREFIX  ?= /usr/local
DESTDIR ?=
SAN     ?=
comma   := ,
B       ?= build$(if $(SAN),-$(subst $(comma),-,$(SAN)))
VERSION := 0.1.0

PKGS := libevent_core libssl libcrypto libnghttp2 libprotobuf-c libsystemd jansson libutf8proc libxxhash zlib
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wcast-qual -Wwrite-strings -Wpointer-arith -Wundef -Wformat=2
OPT  := -O2 -g
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

.PHONY: all help clean
all: $B/resoprod $B/resopro $B/libresopro.a $B/libresopro.so

obj = $(patsubst %.c,$B/%.o,$(1))
$B/libwire.a: $(call obj,$(SRC_wire))
$(foreach f,$(FOLDERS),$(eval $B/lib$f.a: $$(call obj,$$(SRC_$f))))
$B/libgen.a: $(GEN_O)
$B/lib%.a:
	@rm -f $@
	ar rcs $@ $^

$(GEN_STAMP): $(PROTOS)
	@mkdir -p $B/gen
	protoc-c $(PROTO_INC) --c_out=$B/gen $(PROTOS) $(addprefix /usr/include/google/protobuf/,timestamp.proto any.proto duration.proto)
	protoc $(PROTO_INC) --include_imports --descriptor_set_out=$B/gen/descriptors.bin $(PROTOS)
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
	$(CC) -std=gnu11 $(OPT) $(HARDEN) $(SANFLAGS) -I$B/gen $(PKG_CFLAGS) -c -o $@ $<
$B/%.o: %.c | $(GEN_STAMP)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(INC) -MMD -MP -c -o $@ $<

# --- programs
MAIN_O := $(call obj,$(wildcard daemon/*.c))
DAEMON_LIBS := $B/libservice.a $B/librpc.a $B/libhttp2.a $B/libstore.a $B/libnet.a $B/libdomain.a $B/libbase.a $B/libgen.a $B/libwire.a
$B/resoprod: $(MAIN_O) $(DAEMON_LIBS)
	$(CC) $(LDFLAGS_ALL) -o $@ $(MAIN_O) -Wl,--start-group $(DAEMON_LIBS) -Wl,--end-group $(LIBS_ALL)

CLIENT_O := $(call obj,$(wildcard client/lib/*.c)) $(call obj,$(SRC_wire)) $(GEN_C:.c=.o)
$B/libresopro.a: $(CLIENT_O)
$B/libresopro.so: $(CLIENT_O) $(wildcard client/lib/libresopro.map)
	$(CC) $(LDFLAGS_ALL) -shared -Wl,-soname,libresopro.so.0 $(if $(wildcard client/lib/libresopro.map),-Wl$(comma)--version-script=client/lib/libresopro.map) \
	    -o $@ $(CLIENT_O) -lssl -lcrypto -lnghttp2 -lprotobuf-c -lz
CLI_O := $(call obj,$(wildcard client/cli/*.c))
CLI_LIBS := -lssl -lcrypto -lnghttp2 -lprotobuf-c -lz -ljansson -lcsv -linih -lutf8proc
$B/resopro: $(CLI_O) $B/libresopro.a
	$(CC) $(LDFLAGS_ALL) -o $@ $(CLI_O) $B/libresopro.a $(CLI_LIBS)

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
ARCH_cli     := $B/libresopro.a
LIBS_client  := $(CLI_LIBS)
LIBS_cli     := $(CLI_LIBS)
UNIT_FOLDERS := wire $(FOLDERS) client cli
UNIT_TESTS := $(patsubst %.c,$B/%,$(wildcard tests/unit/*/test_*.c))
SUPPORT_O := $(call obj,$(wildcard tests/support/*.c))
define unit_rule
$B/tests/unit/$(1)/test_%: $B/tests/unit/$(1)/test_%.o $$(ARCH_$(1)) $$(SUPPORT_O)
	$$(CC) $$(LDFLAGS_ALL) -o $$@ $$< $$(SUPPORT_O) -Wl,--start-group $$(ARCH_$(1)) -Wl,--end-group \
	    -lcmocka $$(LIBS_$(1)) $$(LIBS_ALL)
endef
$(foreach f,$(UNIT_FOLDERS),$(eval $(call unit_rule,$f)))
.PRECIOUS: $B/%.o
.SECONDARY:

# --- fuzzers: tests/fuzz/fuzz_<folder>... each says its folder in FUZZ_<name>
FUZZERS := $(patsubst %.c,$B/%,$(wildcard tests/fuzz/fuzz_*.c))
$B/tests/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(DAEMON_LIBS)
	@mkdir -p $(@D)
	clang $(ALL_CFLAGS) $(INC) -fsanitize=fuzzer $(LDFLAGS_ALL) -o $@ $< \
	    -Wl,--start-group $(DAEMON_LIBS) -Wl,--end-group $(LIBS_ALL)

clean:
	rm -rf build build-*

-include $(shell find $B -name '*.d' 2>/dev/null)
