/* search_answer.c - see search_answer.h. */
#include "service/search_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "domain/fold.h"
#include "domain/territory.h"
#include "resopro/v1/registry.pb-c.h"
#include "rpc/call.h"
#include "service/search_docs.h"

#define NAME_BYTES 800 /* of a name of 150 characters, and more */
#define NEAR_MAX 3u    /* slips of a spelling that is proposed */
#define NEAR_MIN_LETTERS 4

#define SAME(a, b)                                                             \
	_Static_assert((int)(a) == (int)(b), "numbers are the wire's")
SAME(SEARCH_IN_IDENTIFIER, RESOPRO__V1__SEARCH_FIELD__SEARCH_FIELD_IDENTIFIER);
SAME(SEARCH_IN_NAME, RESOPRO__V1__SEARCH_FIELD__SEARCH_FIELD_NAME);
SAME(SEARCH_IN_COMMUNE, RESOPRO__V1__SEARCH_FIELD__SEARCH_FIELD_COMMUNE);
SAME(SEARCH_IN_TEXT, RESOPRO__V1__SEARCH_FIELD__SEARCH_FIELD_TEXT);
SAME(SEARCH_WHOLE, RESOPRO__V1__SEARCH_HOW__SEARCH_HOW_WHOLE);
SAME(SEARCH_BEGINNING, RESOPRO__V1__SEARCH_HOW__SEARCH_HOW_BEGINNING);
SAME(SEARCH_SPELLING, RESOPRO__V1__SEARCH_HOW__SEARCH_HOW_SPELLING);

/* Texts of the index are constant; a packed message only reads them. */
static char *
borrow(const char *s)
{
	return (char *)(uintptr_t)s;
}

static int
too_large(struct err *e)
{
	return err_set(e, ERR_LIMIT, "the answer is too large");
}

/* ---- the hits of all parts, in order ---------------------------------------- */

struct cursor {
	const struct search_found *found;
	size_t at;
	struct text_doc doc; /* of the hit at `at` */
	char folded[NAME_BYTES + 1];
};

static void
look(struct cursor *c)
{
	size_t len;

	if (c->at == c->found->n)
		return;
	c->doc =
	    text_index_doc(c->found->part.index, c->found->hits[c->at].doc);
	len = strnlen(c->doc.name, NAME_BYTES);
	fold_text(c->doc.name, len, c->folded);
}

static bool
before(const struct cursor *a, const struct cursor *b)
{
	unsigned ra = a->found->hits[a->at].rank;
	unsigned rb = b->found->hits[b->at].rank;

	if (ra != rb)
		return ra < rb;
	return search_order(a->folded, a->doc.id, a->doc.kind, b->folded,
		   b->doc.id, b->doc.kind) < 0;
}

static struct cursor *
first(struct cursor *list, size_t n)
{
	struct cursor *best = NULL;

	for (size_t i = 0; i < n; i++)
		if (list[i].at < list[i].found->n &&
		    (best == NULL || before(&list[i], best)))
			best = &list[i];
	return best;
}

/* ---- one hit ------------------------------------------------------------------- */

struct answer {
	struct call *call;
	struct arena *arena;
	const struct search_view *view;
	const struct text_question *question;
	const struct search_found *found;
	size_t n_found;
	Resopro__V1__SearchResponse message;
	struct view *store; /* for why; or NULL */
};

/* What the rule says of the record, as it stood in the index. */
static int
explain(struct answer *a, Resopro__V1__SearchHit *hit, struct err *e)
{
	const struct catalog *catalog = search_view_catalog(a->view);
	struct search_docs *docs = call_service(a->call)->search_docs;
	struct search_whys *whys = arena_alloc(a->arena, sizeof *whys);
	struct search_doc doc;
	struct stored s;
	int found = view_get_as_of(a->store, (uint8_t)hit->kind, hit->id,
	    search_view_revision(a->view), &s, e);

	if (found <= 0 || s.deleted)
		return found < 0 ? -1 : 0;
	if (search_docs_make(docs, &s, &doc, e) < 0)
		return -1;
	hit->why = whys == NULL ? NULL
				: arena_alloc(a->arena,
				      SEARCH_QUERY_WORDS * sizeof(*hit->why));
	if (hit->why == NULL)
		return too_large(e);
	if (search_match(a->question->query, catalog_search_words(catalog),
		&doc, a->question->spelling, whys) < 0)
		return 0;
	for (size_t i = 0; i < whys->n; i++) {
		const struct search_why *why = &whys->list[i];
		Resopro__V1__SearchWhy *out =
		    arena_alloc(a->arena, sizeof *out);

		if (out == NULL)
			return too_large(e);
		resopro__v1__search_why__init(out);
		out->field = (Resopro__V1__SearchField)why->field;
		out->how = (Resopro__V1__SearchHow)why->how;
		out->asked = borrow(why->asked);
		out->found = borrow(why->found);
		hit->why[hit->n_why++] = out;
	}
	return 0;
}

static int
add_hit(struct answer *a, const struct cursor *c, struct err *e)
{
	unsigned rank = c->found->hits[c->at].rank;
	Resopro__V1__SearchHit *hit = arena_alloc(a->arena, sizeof *hit);

	if (hit == NULL)
		return too_large(e);
	resopro__v1__search_hit__init(hit);
	hit->kind = (Resopro__V1__Kind)c->doc.kind;
	hit->id = borrow(c->doc.id);
	hit->nom = borrow(c->doc.name);
	hit->organisation_id = borrow(c->doc.parent_id);
	hit->organisation_nom = borrow(c->doc.parent_name);
	if (c->doc.commune != NULL) {
		hit->commune = borrow(c->doc.commune->nom);
		hit->code_insee = borrow(c->doc.commune->code);
	}
	hit->date_fermeture = borrow(c->doc.closed);
	hit->field = (Resopro__V1__SearchField)search_rank_field(rank);
	hit->how = (Resopro__V1__SearchHow)search_rank_how(rank);
	a->message.hits[a->message.n_hits++] = hit;
	return a->store != NULL ? explain(a, hit, e) : 0;
}

/* ---- the token ------------------------------------------------------------------- */

/* "<rank>.<kind>.<filters>.<id>.<name>", numbers in hexadecimal. */
static int
write_token(struct answer *a, const struct cursor *last, uint64_t filters,
    struct err *e)
{
	a->message.next_page_token = arena_printf(a->arena,
	    "%x.%x.%" PRIx64 ".%s.%s", last->found->hits[last->at].rank,
	    last->doc.kind, filters, last->doc.id, last->doc.name);
	return a->message.next_page_token != NULL ? 0 : too_large(e);
}

int
search_read_token(struct arena *arena, const char *token, uint64_t filters,
    struct text_position *after, struct err *e)
{
	unsigned rank, kind;
	uint64_t hash;
	char *id, *dot;
	int at = 0;

	if (sscanf(token, "%8x.%8x.%16" SCNx64 ".%n", &rank, &kind, &hash,
		&at) == 3 &&
	    at > 0 && rank < SEARCH_RANKS && kind < 32 && hash == filters &&
	    strlen(token + at) <= STORE_ID_MAX + 1 + NAME_BYTES &&
	    (id = arena_strdup(arena, token + at)) != NULL &&
	    (dot = strchr(id, '.')) != NULL) {
		*dot = '\0';
		*after = (struct text_position){ .rank = rank,
			.kind = (uint8_t)kind,
			.id = id,
			.name = dot + 1 };
		return 0;
	}
	err_set(e, ERR_INVALID, "page_token: not a token of this search");
	err_field(e, "page_token");
	err_reason(e, "PAGE_TOKEN");
	return err_remedy(e, "send the next_page_token of the page before with "
			     "the same query, or start again without one");
}

/* ---- nothing found ------------------------------------------------------------------ */

static bool
is_known(const struct answer *a, size_t word)
{
	const struct search_query *q = a->question->query;

	for (size_t i = 0; i < a->n_found; i++) {
		const struct text_part *part = &a->found[i].part;

		if (text_index_has(part, &q->words[word]))
			return true;
		for (size_t s = 0; s < q->n_slots; s++)
			if (q->slots[s].group != NULL &&
			    word >= q->slots[s].first &&
			    word < q->slots[s].first + q->slots[s].n &&
			    text_index_has_group(part, q->slots[s].group))
				return true;
	}
	return false;
}

static const char *
nearest(struct answer *a, const struct search_word *w)
{
	unsigned half = (unsigned)w->len / 2;
	unsigned distance = 1 + (half < NEAR_MAX ? half : NEAR_MAX);
	char best[SEARCH_WORD_MAX + 1] = "", *out;

	for (size_t i = 0; w->len >= NEAR_MIN_LETTERS && i < a->n_found; i++)
		text_index_nearest(&a->found[i].part, w, &distance, best);
	out = arena_strdup(a->arena, best);
	return out != NULL ? out : "";
}

static int
add_words(struct answer *a, struct err *e)
{
	const struct search_query *q = a->question->query;

	a->message.words =
	    arena_alloc(a->arena, q->n_words * sizeof(*a->message.words));
	if (a->message.words == NULL)
		return too_large(e);
	for (size_t i = 0; i < q->n_words; i++) {
		Resopro__V1__SearchWord *w = arena_alloc(a->arena, sizeof *w);

		if (w == NULL)
			return too_large(e);
		resopro__v1__search_word__init(w);
		w->word = arena_printf(a->arena, "%.*s", (int)q->words[i].len,
		    q->words[i].text);
		w->known = is_known(a, i);
		if (!w->known)
			w->nearest = borrow(nearest(a, &q->words[i]));
		if (w->word == NULL)
			return too_large(e);
		a->message.words[a->message.n_words++] = w;
	}
	return 0;
}

/* ---- the whole ---------------------------------------------------------------------- */

static int
add_hits(struct answer *a, struct cursor *list, size_t size, uint64_t filters,
    struct err *e)
{
	struct cursor *c;

	a->message.hits =
	    arena_alloc(a->arena, (size + 1) * sizeof(*a->message.hits));
	if (a->message.hits == NULL)
		return too_large(e);
	for (size_t i = 0; i < a->n_found; i++)
		look(&list[i]);
	while (
	    (c = first(list, a->n_found)) != NULL && a->message.n_hits < size) {
		if (add_hit(a, c, e) < 0)
			return -1;
		if (a->message.n_hits == size &&
		    write_token(a, c, filters, e) < 0)
			return -1;
		c->at++;
		look(c);
	}
	if (c == NULL) /* that was all: nothing follows */
		a->message.next_page_token = borrow("");
	return 0;
}

/* The eyes and the memory with which hits are explained. */
static int
open_why(struct answer *a, struct err *e)
{
	struct service *s = call_service(a->call);

	if (s->search_docs == NULL &&
	    (s->search_docs = search_docs_new(e)) == NULL)
		return -1;
	if ((a->store = service_view(s, e)) == NULL)
		return -1;
	search_docs_open(s->search_docs, a->store,
	    search_view_revision(a->view), search_view_catalog(a->view));
	return 0;
}

int
search_answer(struct call *c, const struct search_view *v,
    const struct text_question *q, const struct search_found *found, size_t n,
    size_t size, bool why, uint64_t filters, struct err *e)
{
	struct answer a = { .call = c,
		.arena = call_arena(c),
		.view = v,
		.question = q,
		.found = found,
		.n_found = n };
	struct cursor *list = arena_alloc(a.arena, (n + 1) * sizeof *list);

	resopro__v1__search_response__init(&a.message);
	a.message.revision = search_view_revision(v);
	if (list == NULL)
		return too_large(e);
	for (size_t i = 0; i < n; i++)
		list[i].found = &found[i];
	if ((why && open_why(&a, e) < 0) ||
	    add_hits(&a, list, size, filters, e) < 0)
		return -1;
	if (a.message.n_hits == 0 && q->after == NULL && add_words(&a, e) < 0)
		return -1;
	return call_reply(c, &a.message.base);
}
