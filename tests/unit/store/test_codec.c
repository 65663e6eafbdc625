/* Commits, mutations and records as bytes: what was put in comes out, what is
 * cut or lies is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "store/codec.h"

static struct bytes
bytes_of(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static void
assert_bytes(struct bytes got, const char *want)
{
	assert_int_equal(got.len, strlen(want));
	assert_memory_equal(got.data, want, got.len);
}

static const struct mutation put_a = {
	.op = MUTATION_PUT,
	.kind = 3,
	.id = "org-a",
	.version = 0x0102030405060708,
	.prev_revision = 41,
	.prev_offset = 99,
};

static const struct mutation delete_b = {
	.op = MUTATION_DELETE,
	.kind = 255,
	.id = "b",
	.version = 2,
};

/* A commit of the two, in `out`. */
static void
encode(struct buf *out)
{
	struct commit c = {
		.revision = 42,
		.time_ns = 1700000000123456789,
		.actor = bytes_of("cio-14"),
		.request_id = bytes_of("0123456789abcdef"),
		.method = bytes_of("/resopro.v1.Registry/Put"),
		.note = bytes_of("a note"),
		.mutations = 2,
	};
	struct mutation a = put_a;
	struct buf mutations = { 0 };

	a.record = bytes_of("the record");
	memset(c.body_hash, 0xb0, STORE_HASH_LEN);
	memset(c.prev_hash, 0x9e, STORE_HASH_LEN);
	assert_int_equal(mutation_encode(&mutations, &a), 0);
	assert_int_equal(mutation_encode(&mutations, &delete_b), 0);
	assert_int_equal(commit_encode(out, &c,
			     (struct bytes){ buf_head(&mutations),
				 buf_len(&mutations) }),
	    0);
	buf_free(&mutations);
}

static struct bytes
whole(const struct buf *b)
{
	return (struct bytes){ buf_head(b), buf_len(b) };
}

static void
commit_decode__what_was_encoded__same_fields(void **state)
{
	struct buf b = { 0 };
	struct commit c;
	struct err e = { 0 };

	(void)state;
	encode(&b);
	assert_int_equal(commit_decode(whole(&b), &c, &e), 0);
	assert_int_equal(c.revision, 42);
	assert_int_equal(c.time_ns, 1700000000123456789);
	assert_bytes(c.actor, "cio-14");
	assert_bytes(c.request_id, "0123456789abcdef");
	assert_bytes(c.method, "/resopro.v1.Registry/Put");
	assert_bytes(c.note, "a note");
	assert_int_equal(c.body_hash[31], 0xb0);
	assert_int_equal(c.prev_hash[0], 0x9e);
	assert_int_equal(c.mutations, 2);
	assert_int_equal(c.encoded.len, buf_len(&b));
	buf_free(&b);
}

static void
mutation_next__two_of_them__each_then_the_end(void **state)
{
	struct buf b = { 0 };
	struct commit c;
	struct mutation_iter it;
	struct mutation m, again;
	struct err e = { 0 };

	(void)state;
	encode(&b);
	assert_int_equal(commit_decode(whole(&b), &c, &e), 0);
	mutation_first(&c, &it);
	assert_int_equal(mutation_next(&it, &m, &e), 1);
	assert_int_equal(m.op, MUTATION_PUT);
	assert_int_equal(m.kind, 3);
	assert_string_equal(m.id, "org-a");
	assert_int_equal(m.version, 0x0102030405060708);
	assert_int_equal(m.prev_revision, 41);
	assert_int_equal(m.prev_offset, 99);
	assert_bytes(m.record, "the record");
	assert_int_equal(m.offset, commit_head_len(&c));
	assert_int_equal(mutation_next(&it, &m, &e), 1);
	assert_int_equal(m.op, MUTATION_DELETE);
	assert_int_equal(m.kind, 255);
	assert_int_equal(m.record.len, 0);
	assert_int_equal(store_mutation_at(&c, m.offset, &again, &e), 0);
	assert_string_equal(again.id, "b");
	assert_int_equal(mutation_next(&it, &m, &e), 0);
	buf_free(&b);
}

/* In memory of its exact size, so that a sanitizer sees one byte too far. */
static int
decode_all(const uint8_t *data, size_t len, struct err *e)
{
	uint8_t *copy = malloc(len + (len == 0));
	struct mutation_iter it;
	struct mutation m;
	struct commit c;
	int rc;

	assert_non_null(copy);
	memcpy(copy, data, len);
	rc = commit_decode((struct bytes){ copy, len }, &c, e);
	if (rc == 0) {
		mutation_first(&c, &it);
		while ((rc = mutation_next(&it, &m, e)) == 1)
			;
	}
	free(copy);
	return rc;
}

static void
commit_decode__cut_anywhere__corrupt(void **state)
{
	struct buf b = { 0 };

	(void)state;
	encode(&b);
	for (size_t len = 0; len < buf_len(&b); len++) {
		struct err e = { 0 };

		assert_int_equal(decode_all(buf_head(&b), len, &e), -1);
		assert_int_equal(e.code, ERR_CORRUPT);
	}
	buf_free(&b);
}

static void
commit_decode__any_byte_changed__no_access_outside(void **state)
{
	struct buf b = { 0 };

	(void)state;
	encode(&b);
	for (size_t i = 0; i < buf_len(&b); i++) {
		struct err e = { 0 };

		b.data[b.start + i] ^= 0xff;
		if (decode_all(buf_head(&b), buf_len(&b), &e) < 0)
			assert_int_equal(e.code, ERR_CORRUPT);
		b.data[b.start + i] ^= 0xff;
	}
	buf_free(&b);
}

static void
commit_decode__count_of_mutations_lies__corrupt(void **state)
{
	struct buf b = { 0 };
	struct commit c;
	struct err e = { 0 };

	(void)state;
	encode(&b);
	assert_int_equal(commit_decode(whole(&b), &c, &e), 0);
	be32_put(b.data + b.start + commit_head_len(&c) - 4, UINT32_MAX);
	assert_int_equal(commit_decode(whole(&b), &c, &e), -1);
	assert_int_equal(e.code, ERR_CORRUPT);
	buf_free(&b);
}

static void
mutation_decode__id_holds_a_nul__corrupt(void **state)
{
	struct buf b = { 0 };
	struct mutation m;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(mutation_encode(&b, &put_a), 0);
	b.data[b.start + 5] = 0; /* "o" of its id becomes a NUL */
	assert_int_equal(mutation_decode(whole(&b), 0, &m, NULL, &e), -1);
	assert_int_equal(e.code, ERR_CORRUPT);
	buf_free(&b);
}

static void
mutation_decode__op_is_unknown__corrupt(void **state)
{
	static const uint8_t ops[] = { 0, 5, 255 };

	(void)state;
	for (size_t i = 0; i < sizeof ops; i++) {
		struct buf b = { 0 };
		struct mutation m;
		struct err e = { 0 };

		assert_int_equal(mutation_encode(&b, &put_a), 0);
		b.data[b.start] = ops[i];
		assert_int_equal(mutation_decode(whole(&b), 0, &m, NULL, &e),
		    -1);
		assert_int_equal(e.code, ERR_CORRUPT);
		buf_free(&b);
	}
}

static void
mutation_decode__record_id_is_long__only_a_scope_may_be(void **state)
{
	struct buf b = { 0 };
	struct mutation m = { .op = MUTATION_CONFIRM_SCOPE }, out;
	struct err e = { 0 };

	(void)state;
	memset(m.id, 'x', STORE_INDEX_KEY_MAX);
	assert_int_equal(mutation_encode(&b, &m), 0);
	assert_int_equal(mutation_decode(whole(&b), 0, &out, NULL, &e), 0);
	assert_string_equal(out.id, m.id);
	b.data[b.start] = MUTATION_PUT;
	assert_int_equal(mutation_decode(whole(&b), 0, &out, NULL, &e), -1);
	buf_free(&b);
}

static void
mutation_decode__offset_beyond_the_end__corrupt(void **state)
{
	struct buf b = { 0 };
	struct mutation m;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(mutation_encode(&b, &put_a), 0);
	assert_int_equal(mutation_decode(whole(&b), (uint32_t)buf_len(&b) + 1,
			     &m, NULL, &e),
	    -1);
	assert_int_equal(mutation_decode(whole(&b), UINT32_MAX, &m, NULL, &e),
	    -1);
	assert_int_equal(e.code, ERR_CORRUPT);
	buf_free(&b);
}

/* ---- records ------------------------------------------------------------- */

static const struct stored sample = {
	.deleted = true,
	.version = 5,
	.revision = 1UL << 40,
	.created_revision = 7,
	.confirmed_ns = -3,
	.prev_revision = 8,
	.prev_offset = 9,
	.offset = 10,
};

#define SAMPLE "the bytes of a record"

static size_t
encode_sample(uint8_t out[100])
{
	struct stored s = sample;

	s.record = bytes_of(SAMPLE);
	record_encode(out, &s);
	return RECORD_HEADER_LEN + strlen(SAMPLE);
}

static void
record_decode__what_was_encoded__same_fields(void **state)
{
	uint8_t data[100];
	size_t len = encode_sample(data);
	struct stored s = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(record_decode((struct bytes){ data, len }, &s, &e), 0);
	assert_true(s.deleted);
	assert_int_equal(s.version, sample.version);
	assert_int_equal(s.revision, sample.revision);
	assert_int_equal(s.created_revision, sample.created_revision);
	assert_int_equal(s.confirmed_ns, sample.confirmed_ns);
	assert_int_equal(s.prev_revision, sample.prev_revision);
	assert_int_equal(s.prev_offset, sample.prev_offset);
	assert_int_equal(s.offset, sample.offset);
	assert_bytes(s.record, SAMPLE);
}

static void
record_decode__any_bit_flipped__fails_its_checksum(void **state)
{
	uint8_t data[100];
	size_t len = encode_sample(data);

	(void)state;
	for (size_t bit = 0; bit < 8 * len; bit++) {
		struct stored s;
		struct err e = { 0 };

		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(record_decode((struct bytes){ data, len }, &s,
				     &e),
		    -1);
		assert_int_equal(e.code, ERR_CORRUPT);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void
record_decode__cut_anywhere__fails_its_checksum(void **state)
{
	uint8_t data[100];
	size_t len = encode_sample(data);

	(void)state;
	for (size_t n = 0; n < len; n++) {
		struct stored s;
		struct err e = { 0 };

		assert_int_equal(record_decode((struct bytes){ data, n }, &s,
				     &e),
		    -1);
		assert_int_equal(e.code, ERR_CORRUPT);
	}
}

static void
be64__any_number__sorts_as_bytes(void **state)
{
	uint8_t a[8], b[8];

	(void)state;
	be64_put(a, 0x00ffffffffffffff);
	be64_put(b, 0x0100000000000000);
	assert_true(memcmp(a, b, 8) < 0);
	assert_int_equal(be64_get(a), 0x00ffffffffffffff);
	be32_put(a, 0xfedcba98);
	assert_int_equal(be32_get(a), 0xfedcba98);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commit_decode__what_was_encoded__same_fields),
		cmocka_unit_test(mutation_next__two_of_them__each_then_the_end),
		cmocka_unit_test(commit_decode__cut_anywhere__corrupt),
		cmocka_unit_test(
		    commit_decode__any_byte_changed__no_access_outside),
		cmocka_unit_test(
		    commit_decode__count_of_mutations_lies__corrupt),
		cmocka_unit_test(mutation_decode__id_holds_a_nul__corrupt),
		cmocka_unit_test(mutation_decode__op_is_unknown__corrupt),
		cmocka_unit_test(
		    mutation_decode__record_id_is_long__only_a_scope_may_be),
		cmocka_unit_test(
		    mutation_decode__offset_beyond_the_end__corrupt),
		cmocka_unit_test(record_decode__what_was_encoded__same_fields),
		cmocka_unit_test(
		    record_decode__any_bit_flipped__fails_its_checksum),
		cmocka_unit_test(
		    record_decode__cut_anywhere__fails_its_checksum),
		cmocka_unit_test(be64__any_number__sorts_as_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
