/*
 * What check_message() lets through, protobuf-c unpacks without a crash, within
 * the memory that was allowed, and packs again.  The first byte chooses the
 * message.
 */
#include <stdint.h>
#include <stdlib.h>

#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "resopro/v1/registry.pb-c.h"
#include "rpc/check.h"
#include "wire/arena.h"

#define MEMORY ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ProtobufCMessageDescriptor *const kinds[] = {
	&google__rpc__status__descriptor,
	&google__rpc__error_info__descriptor,
	&google__rpc__bad_request__descriptor,
	&grpc__reflection__v1__server_reflection_request__descriptor,
	&grpc__reflection__v1__server_reflection_response__descriptor,
	&resopro__v1__put_request__descriptor,
	&resopro__v1__sync_request__descriptor,
	&resopro__v1__list_request__descriptor,
};

static void *
hook_alloc(void *arena, size_t len)
{
	return arena_alloc(arena, len);
}

static void
hook_free(void *arena, void *p)
{
	(void)arena;
	(void)p;
}

static void
pack(const ProtobufCMessage *m)
{
	size_t len = protobuf_c_message_get_packed_size(m);
	uint8_t *bytes = malloc(len + 1);

	if (bytes == NULL || protobuf_c_message_pack(m, bytes) != len)
		abort();
	free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const ProtobufCMessageDescriptor *d;
	const ProtobufCMessage *m;
	struct err e = { 0 };
	struct arena *arena;
	ProtobufCAllocator hooks = { hook_alloc, hook_free, NULL };

	if (size < 1)
		return 0;
	d = kinds[data[0] % (sizeof kinds / sizeof kinds[0])];
	if (check_message(d, data + 1, size - 1, MEMORY, &e) < 0) {
		if (e.code == ERR_NONE || e.reason[0] == '\0')
			abort();
		return 0;
	}
	arena = arena_new(MEMORY);
	hooks.allocator_data = arena;
	m = protobuf_c_message_unpack(d, &hooks, size - 1, data + 1);
	if (m != NULL)
		pack(m);
	arena_free(arena);
	return 0;
}
