/* search.c - see search.h. */
#include "domain/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/distance.h"
#include "domain/fold.h"

enum search_field
search_rank_field(unsigned rank)
{
	if (rank == SEARCH_RANK_EXACT)
		return SEARCH_IN_NAME;
	return (enum search_field)(rank < SEARCH_RANK_SPELLING
				       ? rank / 2
				       : rank - SEARCH_RANK_SPELLING);
}

enum search_how
search_rank_how(unsigned rank)
{
	if (rank == SEARCH_RANK_EXACT)
		return SEARCH_WHOLE;
	if (rank > SEARCH_RANK_SPELLING)
		return SEARCH_SPELLING;
	return rank % 2 == 1 ? SEARCH_BEGINNING : SEARCH_WORD;
}

/* ---- the query ------------------------------------------------------------ */

static int
refuse(const char *reason, const char *what, const char *remedy, struct err *e)
{
	err_set(e, ERR_INVALID, "query: %s", what);
	err_field(e, "query");
	err_reason(e, reason);
	return err_remedy(e, "%s", remedy);
}

static bool
has_digit(const struct search_word *w)
{
	for (size_t i = 0; i < w->len; i++)
		if (w->text[i] >= '0' && w->text[i] <= '9')
			return true;
	return false;
}

/* One slip from four letters on, two from eight. */
static unsigned
slips_of(const struct search_word *w)
{
	if (w->len < 4 || has_digit(w))
		return 0;
	return w->len < 8 ? 1 : 2;
}

static bool
may_begin(const struct search_query *q)
{
	const struct search_word *last = &q->words[q->n_words - 1];

	return last->len > 1 || (q->n_words > 1 && !has_digit(last));
}

static void
make_slots(struct search_query *q, const struct search_words *words)
{
	for (size_t at = 0; at < q->n_words;) {
		struct search_slot *s = &q->slots[q->n_slots++];

		s->first = at;
		s->group =
		    search_words_group(words, q->words, q->n_words, at, &s->n);
		if (s->n == 0)
			s->n = 1;
		at += s->n;
	}
}

static int
read_text(struct search_query *q, const char *text, struct err *e)
{
	size_t len = strlen(text), chars = 0;

	while (len > 0 && text[len - 1] == ' ')
		len--;
	for (; len > 0 && text[0] == ' '; len--)
		text++;
	for (size_t i = 0; i < len; i++)
		chars += ((unsigned char)text[i] & 0xC0) != 0x80;
	if (chars > SEARCH_QUERY_CHARS || len > SEARCH_QUERY_BYTES)
		return refuse("TOO_LONG", "is too long",
		    "give at most 200 characters", e);
	for (size_t i = 0; i < len; i++)
		q->text[i] = text[i] >= 'A' && text[i] <= 'Z'
				 ? (char)(text[i] - 'A' + 'a')
				 : text[i];
	q->text[len] = '\0';
	fold_text(text, len, q->folded);
	return 0;
}

int
search_query_read(struct search_query *q, const struct search_words *words,
    const char *text, struct err *e)
{
	struct search_word found[SEARCH_QUERY_WORDS + 1];

	q->n_words = q->n_slots = 0;
	if (read_text(q, text, e) < 0)
		return -1;
	if (q->folded[0] == '\0')
		return refuse("REQUIRED", "has no word",
		    "give a name, an acronym, a commune or words of an offer",
		    e);
	q->n_words = search_words_split(words, q->text, strlen(q->text),
	    q->room, found, SEARCH_QUERY_WORDS + 1);
	if (q->n_words > SEARCH_QUERY_WORDS)
		return refuse("COUNT", "has too many words",
		    "give at most 8 words", e);
	if (q->n_words == 0)
		return refuse("WORDS",
		    "has only words that a search passes over",
		    "give a name, an acronym, a commune or words of an offer",
		    e);
	for (size_t i = 0; i < q->n_words; i++) {
		q->words[i] = found[i];
		q->slips[i] = slips_of(&found[i]);
	}
	q->beginning = may_begin(q);
	make_slots(q, words);
	return 0;
}

/* ---- comparing ------------------------------------------------------------ */

bool
search_same_word(const struct search_word *asked,
    const struct search_word *found)
{
	size_t longer = asked->len > found->len ? asked->len : found->len;
	const struct search_word *l = asked->len == longer ? asked : found;
	const struct search_word *s = l == asked ? found : asked;

	if (l->len == s->len)
		return memcmp(l->text, s->text, l->len) == 0;
	return l->len == s->len + 1 && search_word_stem(l) == s->len &&
	       memcmp(l->text, s->text, s->len) == 0;
}

bool
search_begins(const struct search_word *asked, const struct search_word *found)
{
	return found->len >= asked->len &&
	       memcmp(asked->text, found->text, asked->len) == 0;
}

bool
search_near(const struct search_word *asked, unsigned slips,
    const struct search_word *found)
{
	return slips > 0 && !has_digit(found) &&
	       distance_between(asked->text, asked->len, found->text,
		   found->len, slips) <= slips;
}

int
search_order(const char *folded_a, const char *id_a, uint8_t kind_a,
    const char *folded_b, const char *id_b, uint8_t kind_b)
{
	int order = strcmp(folded_a, folded_b);

	if (order == 0)
		order = strcmp(id_a, id_b);
	return order != 0 ? order : (int)kind_a - (int)kind_b;
}

/* ---- the terms of a record -------------------------------------------------- */

void
search_doc_add(struct search_doc *d, enum search_field field, const char *text)
{
	if (text == NULL || text[0] == '\0' || d->n_texts == SEARCH_TEXTS_MAX)
		return;
	d->texts[d->n_texts++] = (struct search_text){ field, text };
}

static int
each_of_words(const struct search_words *words, enum search_field field,
    const struct search_word *list, size_t n, search_term_fn *fn, void *arg)
{
	struct search_term t = { .field = field };

	for (size_t i = 0; i < n; i++) {
		const char *group;
		size_t place = 0;

		t.word = list[i];
		t.group = false;
		if (fn(&t, arg) < 0)
			return -1;
		t.group = true;
		while ((group = search_words_next_group(words, list, n, i,
			    &place)) != NULL) {
			t.word = (struct search_word){ group, strlen(group) };
			if (fn(&t, arg) < 0)
				return -1;
		}
	}
	return 0;
}

#define SMALL_TEXT 1000

static int
each_of_text(const struct search_text *text, const struct search_words *words,
    search_term_fn *fn, void *arg)
{
	struct search_word list[SEARCH_TEXT_WORDS];
	char small[SEARCH_SPLIT_ROOM(SMALL_TEXT)], *room = small;
	size_t len = strlen(text->text), n;
	int rc;

	if (len > SMALL_TEXT && (room = malloc(SEARCH_SPLIT_ROOM(len))) == NULL)
		return -1;
	n = search_words_split(words, text->text, len, room, list,
	    SEARCH_TEXT_WORDS);
	rc = each_of_words(words, text->field, list, n, fn, arg);
	if (room != small)
		free(room);
	return rc;
}

int
search_doc_each(const struct search_doc *d, const struct search_words *words,
    search_term_fn *fn, void *arg)
{
	for (int f = SEARCH_IN_IDENTIFIER; f < SEARCH_FIELDS; f++)
		for (size_t i = 0; i < d->n_texts; i++)
			if ((int)d->texts[i].field == f &&
			    each_of_text(&d->texts[i], words, fn, arg) < 0)
				return -1;
	return 0;
}

/* ---- the rule --------------------------------------------------------------- */

/* The best field in which a word, or a group, was found, a way each. */
struct seen {
	enum search_field field; /* SEARCH_FIELDS: not at all */
	char found[SEARCH_WORD_MAX + 1];
};

struct matching {
	const struct search_query *query;
	bool spelling;
	struct seen words[SEARCH_QUERY_WORDS][SEARCH_SPELLING + 1];
	struct seen groups[SEARCH_QUERY_WORDS];
};

static void
note(struct seen *s, const struct search_term *t)
{
	if (t->field >= s->field)
		return;
	s->field = t->field;
	(void)snprintf(s->found, sizeof s->found, "%.*s", (int)t->word.len,
	    t->word.text);
}

static int
match_term(const struct search_term *t, void *arg)
{
	struct matching *m = arg;
	const struct search_query *q = m->query;

	for (size_t i = 0; i < q->n_slots && t->group; i++)
		if (q->slots[i].group != NULL &&
		    strcmp(q->slots[i].group, t->word.text) == 0)
			note(&m->groups[i], t);
	for (size_t i = 0; i < q->n_words && !t->group; i++) {
		if (search_same_word(&q->words[i], &t->word))
			note(&m->words[i][SEARCH_WORD], t);
		if (q->beginning && i + 1 == q->n_words &&
		    search_begins(&q->words[i], &t->word))
			note(&m->words[i][SEARCH_BEGINNING], t);
		if (m->spelling &&
		    search_near(&q->words[i], q->slips[i], &t->word))
			note(&m->words[i][SEARCH_SPELLING], t);
	}
	return 0;
}

static struct matching
matching_new(const struct search_query *q, bool spelling)
{
	struct matching m = { .query = q, .spelling = spelling };

	for (size_t i = 0; i < SEARCH_QUERY_WORDS; i++) {
		m.groups[i].field = SEARCH_FIELDS;
		for (size_t how = 0; how <= SEARCH_SPELLING; how++)
			m.words[i][how].field = SEARCH_FIELDS;
	}
	return m;
}

/* The best way, no worse than `how`, in which a word stands in a field no
 * worse than `field`; 0: none. */
static enum search_how
word_stands(const struct matching *m, size_t word, enum search_field field,
    enum search_how how)
{
	static const enum search_how ways[] = { SEARCH_WORD, SEARCH_BEGINNING,
		SEARCH_SPELLING };

	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
		if (ways[i] <= how && m->words[word][ways[i]].field <= field)
			return ways[i];
	return 0;
}

static bool
slot_stands(const struct matching *m, size_t slot, enum search_field field,
    enum search_how how)
{
	const struct search_slot *s = &m->query->slots[slot];

	if (m->groups[slot].field <= field)
		return true;
	for (size_t i = s->first; i < s->first + s->n; i++)
		if (word_stands(m, i, field, how) == 0)
			return false;
	return true;
}

static bool
all_stand(const struct matching *m, enum search_field field,
    enum search_how how)
{
	for (size_t i = 0; i < m->query->n_slots; i++)
		if (!slot_stands(m, i, field, how))
			return false;
	return true;
}

static bool
is_whole(const struct search_query *q, const struct search_doc *d)
{
	const char *const names[] = { d->name, d->other_name };
	char folded[SEARCH_QUERY_BYTES + 1];

	if (strcmp(q->text, d->id) == 0)
		return true;
	for (size_t i = 0; i < 2; i++) {
		size_t len = names[i] != NULL ? strlen(names[i]) : 0;

		if (len == 0 || len > SEARCH_QUERY_BYTES)
			continue;
		fold_text(names[i], len, folded);
		if (strcmp(q->folded, folded) == 0)
			return true;
	}
	return false;
}

/* ---- why ---------------------------------------------------------------------- */

static void
append(char *out, size_t cap, const char *word, size_t len)
{
	size_t at = strlen(out);

	(void)snprintf(out + at, cap - at, "%s%.*s", at > 0 ? " " : "",
	    (int)len, word);
}

/* By its words, each in its best way; 0 fields when they do not stand. */
static struct search_why
why_words(const struct matching *m, const struct search_slot *s, unsigned rank)
{
	struct search_why w = { .how = SEARCH_WORD };

	for (size_t i = s->first; i < s->first + s->n; i++) {
		enum search_how way = word_stands(m, i, search_rank_field(rank),
		    search_rank_how(rank));
		const struct seen *seen = &m->words[i][way];

		if (way == 0) {
			w.field = 0;
			return w;
		}
		append(w.found, sizeof w.found, seen->found,
		    strlen(seen->found));
		w.field = seen->field > w.field ? seen->field : w.field;
		w.how = way > w.how ? way : w.how;
	}
	return w;
}

static struct search_why
why_slot(const struct matching *m, size_t slot, unsigned rank)
{
	const struct search_slot *s = &m->query->slots[slot];
	const struct seen *group = &m->groups[slot];
	struct search_why w = why_words(m, s, rank);

	if (group->field <= search_rank_field(rank) &&
	    (w.field == 0 || group->field < w.field)) {
		w.field = group->field;
		w.how = SEARCH_SYNONYM;
		(void)snprintf(w.found, sizeof w.found, "%s", s->group);
	}
	for (size_t i = s->first; i < s->first + s->n; i++)
		append(w.asked, sizeof w.asked, m->query->words[i].text,
		    m->query->words[i].len);
	return w;
}

static void
why_all(const struct matching *m, unsigned rank, struct search_whys *why)
{
	why->n = m->query->n_slots;
	for (size_t i = 0; i < why->n; i++)
		why->list[i] = why_slot(m, i, rank);
}

static void
why_whole(const struct search_query *q, const struct search_doc *d,
    struct search_whys *why)
{
	struct search_why *w = &why->list[0];
	bool by_id = strcmp(q->text, d->id) == 0;

	why->n = 1;
	*w = (struct search_why){ .how = SEARCH_WHOLE,
		.field = by_id ? SEARCH_IN_IDENTIFIER : SEARCH_IN_NAME };
	append(w->asked, sizeof w->asked, q->text, strlen(q->text));
	append(w->found, sizeof w->found, by_id ? d->id : d->name,
	    strlen(by_id ? d->id : d->name));
}

int
search_match(const struct search_query *q, const struct search_words *words,
    const struct search_doc *d, bool spelling, struct search_whys *why)
{
	struct matching m = matching_new(q, spelling);
	unsigned first = spelling ? SEARCH_RANK_SPELLING + 1 : 2;
	unsigned end = spelling ? SEARCH_RANKS : SEARCH_RANK_SPELLING;

	if (!spelling && is_whole(q, d)) {
		if (why != NULL)
			why_whole(q, d, why);
		return SEARCH_RANK_EXACT;
	}
	if (search_doc_each(d, words, match_term, &m) < 0)
		return -2;
	for (unsigned rank = first; rank < end; rank++)
		if (all_stand(&m, search_rank_field(rank),
			search_rank_how(rank))) {
			if (why != NULL)
				why_all(&m, rank, why);
			return (int)rank;
		}
	return -1;
}
