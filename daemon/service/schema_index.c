/* schema_index.c - the index keys of a record, from its stored bytes: they are
 * made twice for each change, so nothing is unpacked. */
#include <string.h>

#include "service/schema.h"
#include "wire/pb.h"

enum { /* field numbers of Record; a body's is its case */
	RECORD_OWNER = 3,
	RECORD_SOURCE = 4,
	RECORD_SOURCE_ID = 5,
	BODY_FIRST = 20,
	BODY_LAST = 39,
};

#define INDEXED_MAX 8 /* fields of one kind */

struct parts { /* of a record; borrowed */
	struct bytes owner, source, source_id, body;
	uint64_t body_number; /* the last one's; 0: none */
};

struct indexed {
	const struct field_rule *rule;
	struct bytes value;
};

static int
malformed(struct err *e)
{
	return err_set(e, ERR_CORRUPT, "stored record does not unpack");
}

static int
read_parts(struct bytes record, struct parts *p, struct err *e)
{
	struct pb_cursor c = { record.data, record.data + record.len };
	struct pb_field f;
	int rc;

	memset(p, 0, sizeof *p);
	while ((rc = pb_next(&c, &f)) == 1) {
		struct bytes value = { f.data, f.len };

		if (f.wire_type != 2)
			continue;
		if (f.number == RECORD_OWNER)
			p->owner = value;
		else if (f.number == RECORD_SOURCE)
			p->source = value;
		else if (f.number == RECORD_SOURCE_ID)
			p->source_id = value;
		else if (f.number >= BODY_FIRST && f.number <= BODY_LAST) {
			p->body = value;
			p->body_number = f.number;
		}
	}
	return rc < 0 ? malformed(e) : 0;
}

/* ---- keys ---------------------------------------------------------------- */

static char *
put_bytes(char *at, struct bytes b)
{
	if (b.len > 0)
		memcpy(at, b.data, b.len);
	return at + b.len;
}

/* "<letter>one/two/.../".  What is too long has no key, and is not found. */
static int
emit_key(struct index_sink *sink, uint8_t index, Resopro__V1__Kind kind,
    const struct bytes *parts, size_t n, struct err *e)
{
	char key[STORE_INDEX_KEY_MAX], *at = key;
	size_t len = 1;

	for (size_t i = 0; i < n; i++)
		len += parts[i].len + 1;
	if (len >= sizeof key)
		return 0;
	*at++ = schema_letter(kind);
	for (size_t i = 0; i < n; i++) {
		at = put_bytes(at, parts[i]);
		*at++ = '/';
	}
	return index_emit(sink, index, key, len, e);
}

/* ---- the body ------------------------------------------------------------ */

/* The last value of each field that has an index: that is the one it has. */
static size_t
read_indexed(const struct kind_schema *ks, struct bytes body,
    struct indexed list[INDEXED_MAX], int *rc)
{
	struct pb_cursor c = { body.data, body.data + body.len };
	struct pb_field f;
	size_t n = 0, i;

	while ((*rc = pb_next(&c, &f)) == 1) {
		const struct field_rule *rule =
		    f.wire_type == 2 ? schema_numbered(ks, f.number) : NULL;

		if (rule == NULL || rule->index == 0)
			continue;
		for (i = 0; i < n && list[i].rule != rule; i++)
			;
		if (i == INDEXED_MAX)
			continue;
		list[i] = (struct indexed){ rule, { f.data, f.len } };
		n += i == n;
	}
	return n;
}

/* A closed place no longer claims its SIRET. */
static bool
closed(const struct kind_schema *ks, struct bytes body)
{
	const struct field_rule *day = schema_field(ks, "date_fermeture");
	struct pb_cursor c = { body.data, body.data + body.len };
	struct pb_field f;
	bool is = false;

	while (day != NULL && pb_next(&c, &f) == 1)
		if (schema_numbered(ks, f.number) == day)
			is = f.len > 0;
	return is;
}

static int
emit_rules(const struct kind_schema *ks, struct bytes body,
    struct index_sink *sink, struct err *e)
{
	struct indexed list[INDEXED_MAX];
	int rc;
	size_t n = read_indexed(ks, body, list, &rc);

	if (rc < 0)
		return malformed(e);
	for (size_t i = 0; i < n; i++) {
		const struct field_rule *rule = list[i].rule;

		if (list[i].value.len == 0 ||
		    ((rule->flags & FIELD_UNIQUE) != 0 && closed(ks, body)))
			continue;
		if (emit_key(sink, rule->index, ks->kind, &list[i].value, 1,
			e) < 0)
			return -1;
	}
	return 0;
}

int
schema_index(uint8_t kind, const char *id, struct bytes record,
    struct index_sink *sink, struct err *e)
{
	const struct kind_schema *ks = schema_of((Resopro__V1__Kind)kind);
	struct parts p;

	(void)id;
	if (ks == NULL || record.len == 0)
		return 0;
	if (read_parts(record, &p, e) < 0)
		return -1;
	if (p.owner.len > 0 &&
	    emit_key(sink, INDEX_OWNER, ks->kind, &p.owner, 1, e) < 0)
		return -1;
	if (p.source_id.len > 0) {
		const struct bytes source[] = { p.owner, p.source,
			p.source_id };

		if (emit_key(sink, INDEX_SOURCE, ks->kind, source, 3, e) < 0)
			return -1;
	}
	return p.body_number == (uint64_t)ks->body_case
		   ? emit_rules(ks, p.body, sink, e)
		   : 0;
}
