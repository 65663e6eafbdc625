/* cases.c - see cases.h. */
#include "cases.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "pbw.h"
#include "wire/grpc.h"
#include "wire/pb.h"

#define KIND_SITE 2
#define REGISTRY "/resopro.v1.Registry/"

static uint64_t
draw(struct caller *c)
{
	c->random ^= c->random >> 12;
	c->random ^= c->random << 25;
	c->random ^= c->random >> 27;
	return c->random * UINT64_C(2685821657736338717);
}

/* With versions no two calls at once are about the same key. */
#define BUSY (UINT64_C(1) << 63)

static uint64_t
choose(struct caller *c)
{
	uint64_t n = c->o->sequential ? c->next : draw(c) >> 11;

	n %= c->o->keys;
	if (c->versions == NULL)
		return n;
	while ((c->versions[n] & BUSY) != 0)
		n = (n + 1) % c->o->keys;
	c->versions[n] |= BUSY;
	return n;
}

static void
expect_key(struct slot *s)
{
	char key[SAMPLE_KEY_SIZE];

	sample_key(s->number, key);
	(void)snprintf(s->expect, sizeof s->expect, "%s", key);
}

static void
request_id(struct caller *c, struct buf *b, unsigned field)
{
	char id[65];

	(void)snprintf(id, sizeof id, "%s-%010" PRIu64, c->run, c->next);
	pbw_text(b, field, id);
}

/* ---- resopro ------------------------------------------------------------- */

static void
make_get(struct caller *c, struct slot *s)
{
	(void)c;
	expect_key(s);
	pbw_number(&s->request, 1, KIND_SITE);
	pbw_text(&s->request, 2, s->expect);
}

static void
make_batchget(struct caller *c, struct slot *s)
{
	for (unsigned i = 0; i < c->o->batch; i++) {
		struct buf name = { 0 };

		s->number = (draw(c) >> 11) % c->o->keys;
		expect_key(s);
		pbw_number(&name, 1, KIND_SITE);
		pbw_text(&name, 2, s->expect);
		pbw_message(&s->request, 1, &name);
		buf_free(&name);
	}
}

static unsigned
count_field(const uint8_t *p, size_t len, unsigned number)
{
	struct pb_cursor at = { p, p + len };
	struct pb_field f;
	unsigned n = 0;

	while (pb_next(&at, &f) == 1)
		n += f.number == number;
	return n;
}

static const char *
check_batchget(struct caller *c, struct slot *s, const uint8_t *p, size_t len)
{
	(void)s;
	return count_field(p, len, 2) == c->o->batch
		   ? NULL
		   : "not as many records as were asked for";
}

static void
make_list(struct caller *c, struct slot *s)
{
	pbw_number(&s->request, 1, KIND_SITE);
	pbw_number(&s->request, 2, c->o->page);
	pbw_text(&s->request, 3, s->token);
	(void)snprintf(s->expect, sizeof s->expect, "bench-");
}

/* Each slot walks through all pages, and begins again. */
static const char *
check_list(struct caller *c, struct slot *s, const uint8_t *p, size_t len)
{
	struct pb_cursor at = { p, p + len };
	struct pb_field f;
	unsigned n = 0;

	s->token[0] = '\0';
	while (pb_next(&at, &f) == 1) {
		n += f.number == 2;
		if (f.number == 3 && f.len < sizeof s->token)
			(void)snprintf(s->token, sizeof s->token, "%.*s",
			    (int)f.len, (const char *)f.data);
	}
	if (n == 0)
		return "an empty page";
	return n == c->o->page || s->token[0] == '\0' ? NULL : "a short page";
}

static void
make_find(struct caller *c, struct slot *s)
{
	static const char *const situations[] = { "eleve", "demandeur_emploi",
		"salarie_prive", "etudiant" };

	pbw_text(&s->request, 1, sample_commune(c->samples, draw(c) >> 40));
	pbw_number(&s->request, 2, 16 + (draw(c) >> 40) % 50);
	pbw_text(&s->request, 3, situations[draw(c) >> 40 & 3]);
	pbw_number(&s->request, 12, c->o->lines);
}

static const char *
check_find(struct caller *c, struct slot *s, const uint8_t *p, size_t len)
{
	(void)c;
	(void)s;
	return count_field(p, len, 3) > 0 ? NULL : "no line";
}

/* Ways to ask in turn; the whole name must give the site itself. */
static void
make_search(struct caller *c, struct slot *s)
{
	char query[SAMPLE_QUERY_SIZE];
	unsigned way = (unsigned)(draw(c) >> 40) % SAMPLE_QUERIES;

	sample_query(c->samples, s->number, way, query);
	if (way == 0)
		expect_key(s);
	pbw_text(&s->request, 1, query);
	pbw_number(&s->request, 4, c->o->hits);
}

static const char *
check_search(struct caller *c, struct slot *s, const uint8_t *p, size_t len)
{
	(void)c;
	(void)s;
	return count_field(p, len, 2) > 0 ? NULL : "no hit";
}

/* Not one that the record has: from run to run and within one. */
static uint64_t
next_edition(const struct caller *c)
{
	return 1 + (c->edition + c->next) % 999999999;
}

static void
make_put(struct caller *c, struct slot *s)
{
	struct buf record = { 0 };

	s->edition = next_edition(c);
	request_id(c, &s->request, 1);
	sample_record(c->samples, &record, s->number, s->edition, false);
	pbw_message(&s->request, 2, &record);
	buf_free(&record);
	if (c->versions != NULL && c->versions[s->number] != BUSY) {
		pbw_number(&s->request, 3, c->versions[s->number] & ~BUSY);
		pbw_number(&s->request, 4, 1);
	}
	sample_mark(s->expect, s->number, s->edition);
}

/* The version that the next Put of this key must name. */
static const char *
check_put(struct caller *c, struct slot *s, const uint8_t *p, size_t len)
{
	struct pb_cursor at = { p, p + len }, in = { 0 };
	struct pb_field f;

	if (c->versions == NULL)
		return NULL;
	while (pb_next(&at, &f) == 1)
		if (f.number == 2)
			in = (struct pb_cursor){ f.data, f.data + f.len };
	while (pb_next(&in, &f) == 1)
		if (f.number == 6)
			c->versions[s->number] = f.value;
	return NULL;
}

static void
make_body(struct caller *c, struct slot *s)
{
	if (buf_append(&s->request, buf_head(&c->file), buf_len(&c->file)) < 0)
		die("no memory");
	if (c->o->expect != NULL)
		(void)snprintf(s->expect, sizeof s->expect, "%s", c->o->expect);
}

/* ---- peers --------------------------------------------------------------- */

static void
make_range(struct caller *c, struct slot *s)
{
	(void)c;
	expect_key(s);
	pbw_text(&s->request, 1, s->expect);
	pbw_number(&s->request, 7, 1); /* serializable */
}

/* The same bytes that a Put of ours carries. */
static void
make_etcd_put(struct caller *c, struct slot *s)
{
	struct buf record = { 0 };
	char key[SAMPLE_KEY_SIZE];

	s->edition = next_edition(c);
	sample_key(s->number, key);
	sample_record(c->samples, &record, s->number, s->edition, false);
	pbw_text(&s->request, 1, key);
	pbw_message(&s->request, 2, &record);
	buf_free(&record);
}

static const char *
check_etcd_put(struct caller *c, struct slot *s, const uint8_t *p, size_t len)
{
	(void)c;
	(void)s;
	return count_field(p, len, 1) == 1 ? NULL : "no header";
}

/* Each record is a file of its own. */
static void
make_http(struct caller *c, struct slot *s)
{
	if (c->o->expect != NULL)
		(void)snprintf(s->expect, sizeof s->expect, "%s", c->o->expect);
	if (c->o->path != NULL)
		return;
	expect_key(s);
	s->path[0] = '/';
	sample_key(s->number, s->path + 1);
	s->stream.path = s->path;
}

static const struct load_case cases[] = {
	{ "get", { REGISTRY "Get", false }, make_get, NULL },
	{ "batchget", { REGISTRY "BatchGet", false }, make_batchget,
	    check_batchget },
	{ "list", { REGISTRY "List", false }, make_list, check_list },
	{ "put", { REGISTRY "Put", false }, make_put, check_put },
	{ "find", { "/resopro.v1.Referrals/Find", false }, make_find,
	    check_find },
	{ "search", { REGISTRY "Search", false }, make_search, check_search },
	{ "call", { NULL, false }, make_body, NULL },
	{ "range", { "/etcdserverpb.KV/Range", false }, make_range, NULL },
	{ "etcd-put", { "/etcdserverpb.KV/Put", false }, make_etcd_put,
	    check_etcd_put },
	{ "http", { NULL, true }, make_http, NULL },
};

const struct load_case *
case_find(const char *name)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (strcmp(cases[i].name, name) == 0)
			return &cases[i];
	return NULL;
}

/* ---- callers ------------------------------------------------------------- */

static void
read_file(struct buf *b, const char *path)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		die("cannot read --body %s", path);
	do {
		uint8_t *p = buf_reserve(b, 65536);

		if (p == NULL)
			die("no memory");
		n = fread(p, 1, 65536, f);
		buf_added(b, n);
	} while (n > 0);
	(void)fclose(f);
}

void
caller_init(struct caller *c, const struct options *o)
{
	uint64_t chance = o->seed;

	memset(c, 0, sizeof *c);
	if (chance == 0 &&
	    getrandom(&chance, sizeof chance, 0) != sizeof chance)
		die("no entropy");
	c->o = o;
	c->random = chance | 1;
	c->edition = chance % 999999999;
	c->samples = samples_new(o);
	(void)snprintf(c->run, sizeof c->run, "load-%016" PRIx64, chance);
	if (o->check_version &&
	    (c->versions = calloc(o->keys, sizeof *c->versions)) == NULL)
		die("no memory");
	if (o->body_file != NULL)
		read_file(&c->file, o->body_file);
}

void
caller_free(struct caller *c)
{
	samples_free(c->samples);
	free(c->versions);
	buf_free(&c->file);
}

void
case_make(const struct load_case *k, struct caller *c, struct slot *s)
{
	size_t begun = 0;

	s->number = choose(c);
	s->expect[0] = '\0';
	buf_reset(&s->request, 1U << 20);
	if (!k->target.plain)
		begun = frame_begin(&s->request);
	k->make(c, s);
	if (!k->target.plain)
		frame_end(&s->request, begun);
	c->next++;
	s->stream.body = buf_head(&s->request);
	s->stream.body_len = buf_len(&s->request);
}

static const char *
check_stream(const struct load_case *k, const struct stream *st)
{
	static char said[200];

	if (st->error != 0)
		return "the stream was reset, or its connection lost";
	if (st->http_status != 200)
		return "the HTTP status is not 200";
	if (k->target.plain || st->grpc_status == 0)
		return NULL;
	(void)snprintf(said, sizeof said, "grpc-status %d: %s", st->grpc_status,
	    st->message);
	return said;
}

const char *
case_check(const struct load_case *k, struct caller *c, struct slot *s)
{
	const char *wrong = check_stream(k, &s->stream);
	const uint8_t *p = buf_head(&s->stream.answer);
	size_t len = buf_len(&s->stream.answer);
	size_t skip = k->target.plain ? 0 : GRPC_FRAME_LEN;

	if (c->versions != NULL)
		c->versions[s->number] &= ~BUSY;
	if (wrong != NULL)
		return wrong;
	if (!k->target.plain &&
	    (len < skip || p[0] != 0 || grpc_frame_length(p) != len - skip))
		return "not one plain gRPC message";
	if (s->expect[0] != '\0' &&
	    memmem(p, len, s->expect, strlen(s->expect)) == NULL)
		return "what was asked for is not in the answer";
	return k->check != NULL ? k->check(c, s, p + skip, len - skip) : NULL;
}
