/* text_search.c - finding the words of a query in an index. */
#include <stdlib.h>
#include <string.h>

#include "domain/fold.h"
#include "domain/text_internal.h"
#include "domain/text_set.h"

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
	struct term_range beginning_terms;
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
	uint8_t order[SEARCH_QUERY_WORDS]; /* of slots: the rarest first */
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
	set_clear(&x->s->beginning);
	x->s->beginning_terms = (struct term_range){ 0, 0 };
	if (x->query->beginning)
		x->s->beginning_terms = range;
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

	for (size_t k = 0; k < q->n_slots && all != 0; k++) {
		size_t slot = x->order[k];
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
			words &= set_map(&x->s->words[w], at) |
				 (beginning && w + 1 == q->n_words
					 ? set_map(&x->s->beginning, at)
					 : 0);
		if (s->group != NULL)
			words |= set_map(&x->s->groups[slot], at);
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

static bool
has_beginning(const struct search *x)
{
	return x->s->beginning_terms.end > x->s->beginning_terms.first;
}

/* Take the postings of this field, which are the next of each run: were there
 * any? */
static bool
add_field(const struct text_index *ix, struct runs *r, struct set *to,
    enum search_field field)
{
	uint32_t end = posting(field + 1, 0);
	bool any = false;

	for (size_t i = 0; i < r->n; i++) {
		struct run *run = &r->list[i];

		for (; run->at < run->end && ix->postings[run->at] < end;
		     run->at++, any = true)
			set_add(to, ix->postings[run->at] & POSTING_DOC);
		if (run->dense < ix->n_dense &&
		    ix->dense[run->dense].term == run->term &&
		    ix->dense[run->dense].field == field) {
			set_join(to, ix->dense[run->dense++].bits,
			    text_bit_words(ix));
			any = true;
		}
	}
	return any;
}

static bool
add_fields(struct search *x, enum search_field field)
{
	bool any = false;

	for (size_t i = 0; i < x->query->n_words; i++)
		any |= add_field(x->ix, &x->s->word_runs[i], &x->s->words[i],
		    field);
	for (size_t i = 0; i < x->query->n_slots; i++)
		any |= add_field(x->ix, &x->s->group_runs[i], &x->s->groups[i],
		    field);
	return any;
}

/* The same for all the terms that begin with the last word: they stand side by
 * side, and so do their postings. */
static bool
add_beginning(struct search *x, enum search_field field)
{
	const struct text_index *ix = x->ix;
	const struct term_range *terms = &x->s->beginning_terms;
	uint32_t end = ix->posted_at[terms->end];
	bool any = false;

	for (uint32_t i = ix->posted_at[terms->first]; i < end; i++)
		if (posting_field(ix->postings[i]) == (uint32_t)field) {
			set_add(&x->s->beginning,
			    ix->postings[i] & POSTING_DOC);
			any = true;
		}
	for (size_t i = text_first_dense(ix, terms->first);
	     i < ix->n_dense && ix->dense[i].term < terms->end; i++)
		if (ix->dense[i].field == field) {
			set_join(&x->s->beginning, ix->dense[i].bits,
			    text_bit_words(ix));
			any = true;
		}
	return any;
}

/* How many postings a word has, about. */
static size_t
weight(const struct search *x, const struct runs *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct run *run = &r->list[i];
		bool dense = run->dense < x->ix->n_dense &&
			     x->ix->dense[run->dense].term == run->term;

		n += run->end - run->at + (dense ? x->ix->n_docs : 0);
	}
	return n;
}

static void
order_slots(struct search *x)
{
	const struct search_query *q = x->query;
	size_t weights[SEARCH_QUERY_WORDS];

	for (size_t slot = 0; slot < q->n_slots; slot++) {
		const struct search_slot *s = &q->slots[slot];
		size_t at = slot, w = SIZE_MAX;

		for (size_t i = s->first; i < s->first + s->n; i++) {
			size_t one = weight(x, &x->s->word_runs[i]);

			w = one < w ? one : w;
		}
		w += weight(x, &x->s->group_runs[slot]);
		for (; at > 0 && weights[at - 1] > w; at--) {
			weights[at] = weights[at - 1];
			x->order[at] = x->order[at - 1];
		}
		weights[at] = w;
		x->order[at] = (uint8_t)slot;
	}
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
			words &= x->s->word_runs[w].n > 0 ||
				 (w + 1 == q->n_words && has_beginning(x));
		if (!words && x->s->group_runs[slot].n == 0)
			return false;
	}
	return true;
}

/* One field more: false when there is no room for another hit.  Where no
 * posting is added, nothing new is found. */
static bool
by_field(struct search *x, enum search_field field)
{
	bool any = add_fields(x, field);

	if (x->q->spelling) {
		any |= add_beginning(x, field);
		return !any ||
		       emit_rank(x, search_rank(field, SEARCH_SPELLING), true);
	}
	if (any && !emit_rank(x, search_rank(field, SEARCH_WORD), false))
		return false;
	if (!has_beginning(x))
		return true;
	any |= add_beginning(x, field);
	return !any || emit_rank(x, search_rank(field, SEARCH_BEGINNING), true);
}

static void
by_words(struct search *x)
{
	bool go_on = may_match(x);

	order_slots(x);
	for (int f = SEARCH_IN_IDENTIFIER; f < SEARCH_FIELDS && go_on; f++)
		go_on = by_field(x, (enum search_field)f);
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
