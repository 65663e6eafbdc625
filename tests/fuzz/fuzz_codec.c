/* FUZZ_codec: store.  Any bytes as a commit, a mutation, a stored record. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* What was taken is inside of what was given. */
static void
check_inside(struct bytes whole, struct bytes part)
{
	if (part.len > 0 && (part.data < whole.data ||
				part.data + part.len > whole.data + whole.len))
		abort();
}

static void
check_error(const struct err *e)
{
	if (e->code != ERR_CORRUPT || e->msg[0] == '\0')
		abort();
}

/* A mutation that was read is written again to the same bytes. */
static void
check_mutation(struct bytes in, const struct mutation *m)
{
	struct buf out = { 0 };

	check_inside(in, m->record);
	if (mutation_encode(&out, m) < 0 ||
	    buf_len(&out) > in.len - m->offset ||
	    memcmp(buf_head(&out), in.data + m->offset, buf_len(&out)) != 0)
		abort();
	buf_free(&out);
}

/* And so is a commit's head. */
static void
check_commit(struct bytes in, const struct commit *c)
{
	size_t head = commit_head_len(c);
	struct buf out = { 0 };

	check_inside(in, c->actor);
	check_inside(in, c->request_id);
	check_inside(in, c->method);
	check_inside(in, c->note);
	if (head > in.len ||
	    commit_encode(&out, c,
		(struct bytes){ in.data + head, in.len - head }) < 0 ||
	    buf_len(&out) != in.len ||
	    memcmp(buf_head(&out), in.data, in.len) != 0)
		abort();
	buf_free(&out);
}

static void
fuzz_commit(struct bytes in)
{
	struct mutation_iter it;
	struct mutation m;
	struct commit c;
	struct err e = { 0 };
	int rc;

	if (commit_decode(in, &c, &e) < 0) {
		check_error(&e);
		return;
	}
	check_commit(in, &c);
	mutation_first(&c, &it);
	while ((rc = mutation_next(&it, &m, &e)) == 1)
		check_mutation(in, &m);
	if (rc < 0)
		check_error(&e);
}

static void
fuzz_mutation(struct bytes in)
{
	struct mutation m;
	struct err e = { 0 };
	uint32_t next, offset;

	if (in.len < 4)
		return;
	offset = be32_get(in.data) % 64;
	in.data += 4;
	in.len -= 4;
	if (mutation_decode(in, offset, &m, &next, &e) < 0) {
		check_error(&e);
		return;
	}
	if (next <= offset || next > in.len)
		abort();
	check_mutation(in, &m);
}

/* As it is, and with the checksum that lets it through. */
static void
fuzz_record(struct bytes in)
{
	struct stored s = { 0 };
	struct err e = { 0 };
	uint8_t *copy;

	if (record_decode(in, &s, &e) < 0)
		check_error(&e);
	if (in.len < 8)
		return;
	if ((copy = malloc(in.len)) == NULL)
		return;
	memcpy(copy, in.data, in.len);
	be64_put(copy, checksum(copy + 8, in.len - 8));
	if (record_decode((struct bytes){ copy, in.len }, &s, &e) == 0)
		check_inside((struct bytes){ copy, in.len }, s.record);
	else if (in.len >= RECORD_HEADER_LEN)
		abort();
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = { data, size };

	fuzz_commit(in);
	fuzz_mutation(in);
	fuzz_record(in);
	return 0;
}
