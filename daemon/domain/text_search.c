/* text_search.c - finding the words of a query in an index. */
#include <stdlib.h>
#include <string.h>

#include "domain/fold.h"
#include "domain/text_internal.h"

/* ---- sets of records ------------------------------------------------------------ */

/* 512 records are one block, a line of the cache.  The map tells which blocks
 * hold something; what is in the others is not to be read. */
#define BLOCK_WORDS 8
#define BLOCK_DOCS (BLOCK_WORDS * 64)
#define MAP_WORDS (TEXT_INDEX_DOCS_MAX / BLOCK_DOCS / 64)

struct set {
	uint64_t map[MAP_WORDS];
	uint64_t words[TEXT_INDEX_DOCS_MAX / 64];
};

static void
set_clear(struct set *s)
{
	memset(s->map, 0, sizeof s->map);
}

static bool
map_has(const struct set *s, uint32_t block)
{
	return (s->map[block / 64] >> block % 64 & 1) != 0;
}

static void
set_open(struct set *s, uint32_t block)
{
	if (map_has(s, block))
		return;
	s->map[block / 64] |= UINT64_C(1) << block % 64;
	memset(&s->words[(size_t)block * BLOCK_WORDS], 0,
	    BLOCK_WORDS * sizeof s->words[0]);
}

static void
set_add(struct set *s, uint32_t doc)
{
	set_open(s, doc / BLOCK_DOCS);
	s->words[doc / 64] |= UINT64_C(1) << doc % 64;
}

static void
set_join(struct set *s, const uint64_t *bits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bits[i] == 0)
			continue;
		set_open(s, (uint32_t)(i / BLOCK_WORDS));
		s->words[i] |= bits[i];
	}
}

static uint64_t
set_word(const struct set *s, uint32_t block, unsigned i)
{
	return map_has(s, block) ? s->words[(size_t)block * BLOCK_WORDS + i]
				 : 0;
}

/* ---- a search --------------------------------------------------------------------- */

struct run { /* postings of one term, up to the field that was taken */
	uint32_t at, end, term;
	size_t dense;
};

struct runs { /* the terms of one word, or of one group */
	struct run *list;
	size_t n, room;
};

struct text_scratch {
	struct set words[SEARCH_QUERY_WORDS];
	struct set groups[SEARCH_QUERY_WORDS];
	struct set beginning; /* of the last word, beside its own */
	struct set done;      /* hits of better ranks */
	struct runs word_runs[SEARCH_QUERY_WORDS];
	struct runs group_runs[SEARCH_QUERY_WORDS];
	struct runs beginning_runs;
	uint8_t *areas; /* by number: not known, outside, inside */
	size_t areas_room;
};

struct text_scratch *
text_scratch_new(void)
{
	return calloc(1, sizeof(struct text_scratch));
}

void
text_scratch_free(struct text_scratch *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < SEARCH_QUERY_WORDS; i++) {
		free(s->word_runs[i].list);
		free(s->group_runs[i].list);
	}
	free(s->beginning_runs.list);
	free(s->areas);
	free(s);
}

struct search {
	const struct text_index *ix;
	const uint64_t *dead;
	const struct text_question *q;
	const struct search_query *query;
	struct text_scratch *s;
	uint32_t after; /* at the rank of `after`: the first record behind it */
	struct text_hit *out;
	size_t n, room;
};

/* ---- terms of a word ---------------------------------------------------------------- */

static int
add_run(struct runs *r, const struct text_index *ix, size_t term)
{
	if (r->n == r->room) {
		size_t room = r->room > 0 ? 2 * r->room : 16;
		struct run *more = realloc(r->list, room * sizeof *more);

		if (more == NULL)
			return -1;
		r->list = more;
		r->room = room;
	}
	r->list[r->n++] = (struct run){ .at = ix->posted_at[term],
		.end = ix->posted_at[term + 1],
		.term = (uint32_t)term,
		.dense = text_first_dense(ix, term) };
	return 0;
}

/* Every word within so many slips.  A slip changes two letters of a word's set
 * at most, which most words already fail. */
static int
add_near(struct search *x, struct runs *r, size_t word)
{
	const struct text_index *ix = x->ix;
	const struct search_word *w = &x->query->words[word];
	unsigned slips = x->query->slips[word];
	uint32_t letters = text_letters(w);

	if (slips == 0)
		return 0;
	for (size_t i = ix->first_word; i < ix->n_terms; i++) {
		uint32_t other = letters ^ ix->letters[i];
		struct search_word t;

		other &= other - 1;
		other &= other - 1;
		if (slips > 1) {
			other &= other - 1;
			other &= other - 1;
		}
		if (other != 0)
			continue;
		t = term_of(ix, i);
		if (search_near(w, slips, &t) && add_run(r, ix, i) < 0)
			return -1;
	}
	return 0;
}

static int
find_word(struct search *x, size_t word)
{
	const struct search_word *w = &x->query->words[word];
	struct runs *own = &x->s->word_runs[word];
	struct runs *beginning = &x->s->beginning_runs;
	struct term_range range = text_beginning(x->ix, w);
	size_t same[TEXT_SAME_MAX], n;

	own->n = 0;
	set_clear(&x->s->words[word]);
	n = text_same(x->ix, w, &range, same);
	for (size_t i = 0; i < n; i++)
		if (add_run(own, x->ix, same[i]) < 0)
			return -1;
	if (x->q->spelling && add_near(x, own, word) < 0)
		return -1;
	if (word + 1 < x->query->n_words)
		return 0;
	beginning->n = 0;
	set_clear(&x->s->beginning);
	for (size_t i = range.first;
	     i < range.end && w->len >= SEARCH_BEGINNING_MIN; i++)
		if (add_run(beginning, x->ix, i) < 0)
			return -1;
	return 0;
}

static int
find_group(struct search *x, size_t slot)
{
	const char *group = x->query->slots[slot].group;
	size_t term = group != NULL ? text_group(x->ix, group) : x->ix->n_terms;

	x->s->group_runs[slot].n = 0;
	set_clear(&x->s->groups[slot]);
	return term < x->ix->n_terms
		   ? add_run(&x->s->group_runs[slot], x->ix, term)
		   : 0;
}

/* ---- hits --------------------------------------------------------------------------- */

enum { AREA_UNKNOWN, AREA_OUTSIDE, AREA_INSIDE };

static bool
area_meets(struct search *x, uint32_t area)
{
	const struct area *a = &x->ix->areas[area];
	uint8_t *known = &x->s->areas[area];

	if (area <= AREA_EVERYWHERE)
		return area == AREA_EVERYWHERE;
	if (*known == AREA_UNKNOWN) {
		*known = AREA_OUTSIDE;
		for (uint32_t i = 0; i < a->n; i++)
			if (zones_meet(x->q->zone, x->ix->zones[a->first + i]))
				*known = AREA_INSIDE;
	}
	return *known == AREA_INSIDE;
}

static bool
wanted(struct search *x, uint32_t doc)
{
	const struct doc *d = &x->ix->docs[doc];

	return (x->q->kinds >> d->kind & 1) != 0 &&
	       (x->q->zone == NULL || area_meets(x, d->area));
}

/* 64 records found at a rank, none of them before.  Whether there is room. */
static bool
emit(struct search *x, unsigned rank, uint32_t first, uint64_t found)
{
	const struct text_position *after = x->q->after;

	if (after != NULL && rank < after->rank)
		return true; /* of the pages before */
	for (; found != 0; found &= found - 1) {
		uint32_t doc = first + (uint32_t)__builtin_ctzll(found);

		if (after != NULL && rank == after->rank && doc < x->after)
			continue;
		if (!wanted(x, doc))
			continue;
		if (x->n == x->room)
			return false;
		x->out[x->n++] = (struct text_hit){ rank, doc };
	}
	return true;
}

/* What of a block's word every slot holds. */
static uint64_t
meet(const struct search *x, bool beginning, uint32_t block, unsigned i)
{
	const struct search_query *q = x->query;
	uint64_t all = ~UINT64_C(0);

	for (size_t slot = 0; slot < q->n_slots; slot++) {
		const struct search_slot *s = &q->slots[slot];
		uint64_t words = ~UINT64_C(0);

		for (size_t w = s->first; w < s->first + s->n; w++) {
			uint64_t one = set_word(&x->s->words[w], block, i);

			if (beginning && w + 1 == q->n_words)
				one |= set_word(&x->s->beginning, block, i);
			words &= one;
		}
		if (s->group != NULL)
			words |= set_word(&x->s->groups[slot], block, i);
		all &= words;
	}
	return all;
}

/* Which of 64 blocks may hold a hit. */
static uint64_t
meet_map(const struct search *x, bool beginning, size_t at)
{
	const struct search_query *q = x->query;
	uint64_t all = ~UINT64_C(0);

	for (size_t slot = 0; slot < q->n_slots; slot++) {
		const struct search_slot *s = &q->slots[slot];
		uint64_t words = ~UINT64_C(0);

		for (size_t w = s->first; w < s->first + s->n; w++)
			words &= x->s->words[w].map[at] |
				 (beginning && w + 1 == q->n_words
					 ? x->s->beginning.map[at]
					 : 0);
		if (s->group != NULL)
			words |= x->s->groups[slot].map[at];
		all &= words;
	}
	return all;
}

/* Emit what is in a word of records and was not before. */
static bool
take(struct search *x, unsigned rank, uint32_t block, unsigned i,
    uint64_t found)
{
	uint32_t word = block * BLOCK_WORDS + i;

	if (x->dead != NULL && found != 0)
		found &= ~x->dead[word];
	found &= ~set_word(&x->s->done, block, i);
	if (found == 0)
		return true;
	set_open(&x->s->done, block);
	x->s->done.words[word] |= found;
	return emit(x, rank, word * 64, found);
}

static bool
emit_rank(struct search *x, unsigned rank, bool beginning)
{
	for (size_t at = 0; at < MAP_WORDS; at++) {
		uint64_t map = meet_map(x, beginning, at);

		for (; map != 0; map &= map - 1) {
			uint32_t block =
			    (uint32_t)at * 64 + (uint32_t)__builtin_ctzll(map);

			for (unsigned i = 0; i < BLOCK_WORDS; i++) {
				uint64_t found = meet(x, beginning, block, i);

				if (found != 0 &&
				    !take(x, rank, block, i, found))
					return false;
			}
		}
	}
	return true;
}

/* ---- the order of ranks ---------------------------------------------------------------- */

/* Take the postings of this field, which are the next of each run. */
static void
add_field(const struct text_index *ix, struct runs *r, struct set *to,
    enum search_field field)
{
	uint32_t end = posting(field + 1, 0);

	for (size_t i = 0; i < r->n; i++) {
		struct run *run = &r->list[i];

		for (; run->at < run->end && ix->postings[run->at] < end;
		     run->at++)
			set_add(to, ix->postings[run->at] & POSTING_DOC);
		if (run->dense < ix->n_dense &&
		    ix->dense[run->dense].term == run->term &&
		    ix->dense[run->dense].field == field)
			set_join(to, ix->dense[run->dense++].bits,
			    text_bit_words(ix));
	}
}

static void
add_fields(struct search *x, enum search_field field)
{
	for (size_t i = 0; i < x->query->n_words; i++)
		add_field(x->ix, &x->s->word_runs[i], &x->s->words[i], field);
	for (size_t i = 0; i < x->query->n_slots; i++)
		add_field(x->ix, &x->s->group_runs[i], &x->s->groups[i], field);
}

/* Can every slot be found at all? */
static bool
may_match(const struct search *x)
{
	const struct search_query *q = x->query;

	for (size_t slot = 0; slot < q->n_slots; slot++) {
		const struct search_slot *s = &q->slots[slot];
		bool words = true;

		for (size_t w = s->first; w < s->first + s->n; w++)
			words &=
			    x->s->word_runs[w].n > 0 ||
			    (w + 1 == q->n_words && x->s->beginning_runs.n > 0);
		if (!words && x->s->group_runs[slot].n == 0)
			return false;
	}
	return true;
}

static void
by_words(struct search *x)
{
	bool go_on = may_match(x);

	for (int f = SEARCH_IN_IDENTIFIER; f < SEARCH_FIELDS && go_on; f++) {
		enum search_field field = (enum search_field)f;

		add_fields(x, field);
		if (x->q->spelling) {
			add_field(x->ix, &x->s->beginning_runs,
			    &x->s->beginning, field);
			go_on = emit_rank(x,
			    search_rank(field, SEARCH_SPELLING), true);
			continue;
		}
		go_on = emit_rank(x, search_rank(field, SEARCH_WORD), false);
		if (!go_on || x->s->beginning_runs.n == 0)
			continue;
		add_field(x->ix, &x->s->beginning_runs, &x->s->beginning,
		    field);
		go_on =
		    emit_rank(x, search_rank(field, SEARCH_BEGINNING), true);
	}
}

/* ---- whole names and ids ------------------------------------------------------------------ */

static bool
has_name(const struct text_index *ix, uint32_t doc, const char *folded)
{
	char own[SEARCH_QUERY_BYTES + 1];
	const char *name = ix->texts + ix->docs[doc].text;

	for (int names = 0; names < 2; names++) {
		size_t len;

		name = text_behind(name);
		len = strlen(name);
		if (len == 0 || len > SEARCH_QUERY_BYTES)
			continue;
		fold_text(name, len, own);
		if (strcmp(own, folded) == 0)
			return true;
	}
	return false;
}

static bool
emit_whole(struct search *x)
{
	const struct set *found = &x->s->beginning;

	for (uint32_t block = 0; block < MAP_WORDS * 64; block++)
		for (unsigned i = 0; map_has(found, block) && i < BLOCK_WORDS;
		     i++)
			if (!take(x, SEARCH_RANK_EXACT, block, i,
				set_word(found, block, i)))
				return false;
	return true;
}

/* Those whose whole name or id the query is, in their order. */
static bool
by_whole(struct search *x)
{
	const struct text_index *ix = x->ix;
	const char *folded = x->query->folded;
	doc_key key = text_name_key(folded, strlen(folded), 0);
	struct set *found = &x->s->beginning; /* not used yet */
	bool any = false;
	bool may_be_id = strchr(x->query->text, ' ') == NULL;

	set_clear(found);
	for (size_t i = text_first_key(ix, key);
	     i < ix->n_keys && KEY_HASH(ix->keys[i]) == KEY_HASH(key); i++)
		if (has_name(ix, KEY_DOC(ix->keys[i]), folded)) {
			set_add(found, KEY_DOC(ix->keys[i]));
			any = true;
		}
	for (uint8_t kind = 1; kind < 32; kind++) {
		int32_t doc = may_be_id && (x->q->kinds >> kind & 1) != 0
				  ? text_index_find(ix, kind, x->query->text)
				  : -1;

		if (doc >= 0) {
			set_add(found, (uint32_t)doc);
			any = true;
		}
	}
	return !any || emit_whole(x);
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* The first record behind a position of its rank. */
static uint32_t
behind(const struct text_index *ix, const struct text_position *after)
{
	char wanted_name[SEARCH_QUERY_BYTES + 1], own[SEARCH_QUERY_BYTES + 1];
	size_t low = 0, high = ix->n_docs;

	fold_text(after->name, strnlen(after->name, SEARCH_QUERY_BYTES),
	    wanted_name);
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const char *id = ix->texts + ix->docs[mid].text;
		const char *name = text_behind(id);

		fold_text(name, strnlen(name, SEARCH_QUERY_BYTES), own);
		if (search_order(own, id, ix->docs[mid].kind, wanted_name,
			after->id, after->kind) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return (uint32_t)low;
}

static int
open_areas(struct text_scratch *s, const struct text_index *ix)
{
	uint8_t *more;

	if (ix->n_areas > s->areas_room) {
		more = realloc(s->areas, ix->n_areas);
		if (more == NULL)
			return -1;
		s->areas = more;
		s->areas_room = ix->n_areas;
	}
	memset(s->areas, AREA_UNKNOWN, ix->n_areas);
	return 0;
}

int
text_index_search(const struct text_part *part, const struct text_question *q,
    struct text_scratch *s, struct text_hit *out, size_t room)
{
	struct search x = { .ix = part->index,
		.dead = part->dead,
		.q = q,
		.query = q->query,
		.s = s,
		.out = out,
		.room = room };

	if (q->after != NULL)
		x.after = behind(x.ix, q->after);
	if (q->zone != NULL && open_areas(s, x.ix) < 0)
		return -1;
	set_clear(&s->done);
	if (!q->spelling && !by_whole(&x))
		return (int)x.n;
	for (size_t i = 0; i < x.query->n_words; i++)
		if (find_word(&x, i) < 0)
			return -1;
	for (size_t i = 0; i < x.query->n_slots; i++)
		if (find_group(&x, i) < 0)
			return -1;
	by_words(&x);
	return (int)x.n;
}
