/* Hostile bytes before protobuf-c: the one pass of check.c, and that what it
 * lets through unpacks within the memory that it allowed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "google/protobuf/any.pb-c.h"
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "rpc/check.h"
#include "wire/arena.h"
#include "wire/buf.h"
#include "wire/pb.h"

#define STATUS &google__rpc__status__descriptor
#define INFO &google__rpc__error_info__descriptor
#define NUMBERS &grpc__reflection__v1__extension_number_response__descriptor
#define MEMORY ((size_t)1 << 20)

/* ---- a message that holds itself, which no .proto of ours does ----------- */

struct nest {
	ProtobufCMessage base;
	struct nest *inner;
};

static const ProtobufCMessageDescriptor nest_descriptor;
static const ProtobufCFieldDescriptor nest_fields[] = {
	{ .name = "inner",
	    .id = 1,
	    .label = PROTOBUF_C_LABEL_NONE,
	    .type = PROTOBUF_C_TYPE_MESSAGE,
	    .offset = offsetof(struct nest, inner),
	    .descriptor = &nest_descriptor },
};
static const unsigned nest_sorted[] = { 0 };
static const ProtobufCIntRange nest_ranges[] = { { 1, 0 }, { 0, 1 } };

static void
nest_init(ProtobufCMessage *m)
{
	*(struct nest *)m =
	    (struct nest){ .base = { &nest_descriptor, 0, NULL } };
}

static const ProtobufCMessageDescriptor nest_descriptor = {
	.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
	.name = "Nest",
	.short_name = "Nest",
	.c_name = "Nest",
	.package_name = "",
	.sizeof_message = sizeof(struct nest),
	.n_fields = 1,
	.fields = nest_fields,
	.fields_sorted_by_name = nest_sorted,
	.n_field_ranges = 1,
	.field_ranges = nest_ranges,
	.message_init = nest_init,
};

/* ---- helpers ------------------------------------------------------------ */

static int
check(const ProtobufCMessageDescriptor *d, const void *bytes, size_t len,
    struct err *e)
{
	*e = (struct err){ 0 };
	return check_message(d, bytes, len, MEMORY, e);
}

static void *
arena_hook(void *a, size_t len)
{
	return arena_alloc(a, len);
}

static void
no_free(void *a, void *p)
{
	(void)a;
	(void)p;
}

/* Bytes that unpacking takes; the message is dropped. */
static size_t
unpacked_size(const ProtobufCMessageDescriptor *d, const void *bytes,
    size_t len)
{
	struct arena *a = arena_new((size_t)1 << 30);
	ProtobufCAllocator hooks = { arena_hook, no_free, a };
	size_t used;

	assert_non_null(protobuf_c_message_unpack(d, &hooks, len, bytes));
	used = arena_used(a);
	arena_free(a);
	return used;
}

/* ---- one field ---------------------------------------------------------- */

#define BYTES(s) s, sizeof(s) - 1

static void
field__each_way_to_be_wrong__is_named(void **state)
{
	static const struct {
		const ProtobufCMessageDescriptor *d;
		const char *bytes;
		size_t len;
		const char *reason, *field;
	} rows[] = {
		{ STATUS, BYTES(""), NULL, NULL },
		{ STATUS, BYTES("\x08\x05\x12\3abc"), NULL, NULL },
		{ STATUS, BYTES("\x12\3\xC3\xA9!"), NULL, NULL },
		{ STATUS, BYTES("\x7A\3\xFF\xFF\0"), NULL, NULL }, /* unknown */
		{ STATUS,
		    BYTES("\x78\1\x79"
			  "12345678"
			  "\x7D"
			  "1234"),
		    NULL, NULL },
		{ STATUS, BYTES("\x12\2\xC3("), "UTF8", "message" },
		{ STATUS, BYTES("\x12\3\xED\xA0\x80"), "UTF8", "message" },
		{ STATUS, BYTES("\x12\3a\0b"), "NUL", "message" },
		{ STATUS, BYTES("\x12\4abc"), "MALFORMED", "message" },
		{ STATUS, BYTES("\x12"), "MALFORMED", "message" },
		{ STATUS, BYTES("\x12\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1"),
		    "MALFORMED", "message" },
		{ STATUS, BYTES("\x08"), "MALFORMED", "code" },
		{ STATUS, BYTES("\x08\xFF"), "MALFORMED", "code" },
		{ STATUS,
		    BYTES("\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
			  "\1"),
		    "MALFORMED", "code" },
		{ STATUS, BYTES("\x0A\1a"), "WIRE_TYPE", "code" },
		{ STATUS, BYTES("\x10\1"), "WIRE_TYPE", "message" },
		{ STATUS,
		    BYTES("\x15"
			  "1234"),
		    "WIRE_TYPE", "message" },
		{ STATUS, BYTES("\x0B\x0C"), "WIRE_TYPE", "code" },
		{ STATUS, BYTES("\x7B\x7C"), "WIRE_TYPE", "" }, /* group */
		{ STATUS, BYTES("\x7F"), "WIRE_TYPE", "" },
		{ STATUS, BYTES("\0\1"), "MALFORMED", "" }, /* field 0 */
		{ STATUS, BYTES("\x80\x80\x80\x80\x20\1"), "MALFORMED", "" },
		{ STATUS, BYTES("\x1A\4\x0A\2\xC3("), "UTF8",
		    "details.type_url" },
		{ INFO, BYTES("\x1A\5\x0A\3a\0b"), "NUL", "metadata.key" },
		{ NUMBERS, BYTES("\x12\3\1\2\3"), NULL, NULL },
		{ NUMBERS, BYTES("\x10\1\x10\2"), NULL, NULL },
		{ NUMBERS, BYTES("\x12\2\1\xFF"), "MALFORMED",
		    "extension_number" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct err e;
		int rc = check(rows[i].d, rows[i].bytes, rows[i].len, &e);

		if (rows[i].reason == NULL) {
			assert_int_equal(rc, 0);
			unpacked_size(rows[i].d, rows[i].bytes, rows[i].len);
			continue;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(e.code, ERR_INVALID);
		assert_string_equal(e.reason, rows[i].reason);
		assert_string_equal(e.field, rows[i].field);
	}
}

static void
field__every_cut_of_a_good_message__is_refused_or_unpacks(void **state)
{
	static const char good[] =
	    "\x08\x96\1\x12\2hi\x1A\x0A\x0A\4type\x12\2ab"
	    "\x7A\2xy";

	(void)state;
	for (size_t n = 0; n < sizeof good; n++) {
		struct err e;

		if (check(STATUS, good, n, &e) == 0)
			unpacked_size(STATUS, good, n);
	}
}

/* ---- depth -------------------------------------------------------------- */

/* `levels` messages, one within the other; the start within `out`. */
static size_t
nested(uint8_t *out, size_t cap, unsigned levels)
{
	uint8_t head[16];
	size_t at = cap;

	for (unsigned i = 0; i < levels; i++) {
		size_t n;

		head[0] = 0x0A;
		n = (size_t)(varint_write(head + 1, cap - at) - head);
		assert_true(at >= n);
		at -= n;
		memcpy(out + at, head, n);
	}
	return at;
}

static void
depth__up_to_the_limit__passes(void **state)
{
	uint8_t bytes[1000];
	size_t at = nested(bytes, sizeof bytes, CHECK_DEPTH_MAX);
	struct err e;

	(void)state;
	assert_int_equal(check(&nest_descriptor, bytes + at, sizeof bytes - at,
			     &e),
	    0);
	unpacked_size(&nest_descriptor, bytes + at, sizeof bytes - at);
}

static void
depth__beyond_the_limit__is_refused(void **state)
{
	static uint8_t bytes[500000];
	const unsigned levels[] = { CHECK_DEPTH_MAX + 1, 1000, 100000 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		size_t at = nested(bytes, sizeof bytes, levels[i]);
		struct err e;

		assert_int_equal(check(&nest_descriptor, bytes + at,
				     sizeof bytes - at, &e),
		    -1);
		assert_string_equal(e.reason, "DEPTH");
	}
}

/* ---- memory ------------------------------------------------------------- */

static void
memory__what_passes__unpacks_within_what_was_allowed(void **state)
{
	static const struct {
		const ProtobufCMessageDescriptor *d;
		const char *unit;
		size_t len;
	} rows[] = {
		{ STATUS, BYTES("\x1A\0") }, /* empty messages */
		{ INFO, BYTES("\x1A\0") },   /* empty map entries */
		{ STATUS, BYTES("\x08\1") }, /* a scalar, again */
		{ STATUS, BYTES("\x12\0") }, /* an empty string */
		{ STATUS, BYTES("\x12\1x") },
		{ STATUS, BYTES("\x78\1") }, /* unknown fields */
		{ STATUS, BYTES("\x7A\4wxyz") },
		{ NUMBERS, BYTES("\x10\1") },
		{ NUMBERS, BYTES("\x12\4\1\1\1\1") }, /* packed */
		{ STATUS, BYTES("\x1A\6\x0A\1t\x12\1v") },
		{ &nest_descriptor, BYTES("\x0A\0") }, /* merged */
		{ &nest_descriptor, BYTES("\x0A\2\x0A\0") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf b = { 0 };
		struct err e;

		while (check(rows[i].d, buf_head(&b), buf_len(&b), &e) == 0) {
			size_t more = buf_len(&b) / 8 / rows[i].len + 1;

			assert_true(unpacked_size(rows[i].d, buf_head(&b),
					buf_len(&b)) <= MEMORY);
			assert_true(buf_len(&b) < 2 * MEMORY);
			while (more-- > 0)
				buf_append(&b, rows[i].unit, rows[i].len);
		}
		assert_int_equal(e.code, ERR_LIMIT);
		assert_string_equal(e.reason, "MESSAGE_MEMORY");
		buf_free(&b);
	}
}

static void
memory__one_long_string__is_allowed_up_to_its_size(void **state)
{
	uint8_t *bytes = malloc(MEMORY + 16);
	struct err e;
	size_t n;

	(void)state;
	memset(bytes, 'x', MEMORY + 16);
	bytes[0] = 0x12;
	n = (size_t)(varint_write(bytes + 1, MEMORY - 1000) - bytes);
	assert_int_equal(check(STATUS, bytes, n + MEMORY - 1000, &e), 0);
	n = (size_t)(varint_write(bytes + 1, MEMORY) - bytes);
	assert_int_equal(check(STATUS, bytes, n + MEMORY, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	free(bytes);
}

static void
memory__one_long_packed_list__is_counted_by_element(void **state)
{
	size_t n = MEMORY / 2, head;
	uint8_t *bytes = malloc(n + 16);
	struct err e;

	(void)state;
	memset(bytes, 1, n + 16);
	bytes[0] = 0x12;
	head = (size_t)(varint_write(bytes + 1, n) - bytes);
	assert_int_equal(check(NUMBERS, bytes, head + n, &e), -1);
	assert_string_equal(e.reason, "MESSAGE_MEMORY");
	assert_true(unpacked_size(NUMBERS, bytes, head + n) > MEMORY);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(field__each_way_to_be_wrong__is_named),
		cmocka_unit_test(
		    field__every_cut_of_a_good_message__is_refused_or_unpacks),
		cmocka_unit_test(depth__up_to_the_limit__passes),
		cmocka_unit_test(depth__beyond_the_limit__is_refused),
		cmocka_unit_test(
		    memory__what_passes__unpacks_within_what_was_allowed),
		cmocka_unit_test(
		    memory__one_long_string__is_allowed_up_to_its_size),
		cmocka_unit_test(
		    memory__one_long_packed_list__is_counted_by_element),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
