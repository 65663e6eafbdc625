/* An index finds what the rule finds, in its order: against a look at each
 * record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/fold.h"
#include "domain/text_index.h"

static const char conf[] = "ignore = de la\n"
			   "same = Mission locale, ML\n"
			   "same = Pole emploi, France travail, FT\n";

static const char communes[] =
    "code;nom;departement;arrondissement;epci;codes_postaux;latitude;"
    "longitude;position;population\n"
    "14001;Aa;14;141;200000001;14000;49;0;exacte;1\n"
    "14002;Bb;14;141;200000001;14000;49;0;exacte;1\n"
    "14003;Cc;14;142;200000002;14000;49;0;exacte;1\n"
    "50001;Dd;50;501;200000003;50000;49;0;exacte;1\n";
static const char anciens[] = "ancien_code;nom;code\n";
static const char zones[] = "zone;nom;millesime;composition\n"
			    "dep:14;Calvados;2026;\n"
			    "dep:50;Manche;2026;\n"
			    "arr:141;A;2026;\n"
			    "arr:142;B;2026;\n"
			    "arr:501;C;2026;\n"
			    "epci:200000001;D;2026;\n"
			    "epci:200000002;E;2026;\n"
			    "epci:200000003;F;2026;\n";

static const char *const vocabulary[] = { "mission", "locale", "locales",
	"missions", "ml", "pole", "emploi", "france", "travail", "ft", "de",
	"caen", "cean", "caens", "vire", "virois", "orientation",
	"orientations", "jeune", "jeunes", "formation", "formations", "format",
	"cio", "14000", "saint", "lo", "bocage", "bocages", "atelier" };
#define VOCABULARY (sizeof vocabulary / sizeof vocabulary[0])

struct fixture {
	struct search_words *words;
	struct territory *territory;
	struct text_scratch *scratch;
};

/* ---- records by chance, the same each time ------------------------------------- */

static uint64_t seed;

static unsigned
any(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static void
any_words(char *out, size_t cap, unsigned max)
{
	unsigned n = any(max) + 1;

	out[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		size_t at = strlen(out);

		(void)snprintf(out + at, cap - at, "%s%s", i > 0 ? " " : "",
		    vocabulary[any(VOCABULARY)]);
	}
}

struct made { /* a record, its texts and where it stands */
	struct search_doc doc;
	char id[16], name[64], other[64], texts[4][64];
	const struct zone *zones[2];
	bool alive;
};

static void
make(struct made *m, unsigned i, const struct territory *t)
{
	static const char *const codes[] = { "arr:141", "arr:142", "dep:50",
		"com:14001", "com:50001" };

	memset(m, 0, sizeof *m);
	m->alive = true;
	(void)snprintf(m->id, sizeof m->id, "r-%u", i);
	any_words(m->name, sizeof m->name, 3);
	m->doc = (struct search_doc){ .kind = (uint8_t)(1 + any(3)),
		.id = m->id,
		.name = m->name,
		.everywhere = any(20) == 0 };
	search_doc_add(&m->doc, SEARCH_IN_NAME, m->name);
	if (any(3) == 0) {
		any_words(m->other, sizeof m->other, 2);
		m->doc.other_name = m->other;
		search_doc_add(&m->doc, SEARCH_IN_NAME, m->other);
	}
	for (unsigned k = any(4); k > 0; k--) {
		any_words(m->texts[k], sizeof m->texts[k], 4);
		search_doc_add(&m->doc, (enum search_field)(1 + any(7)),
		    m->texts[k]);
	}
	if (any(2) == 0) {
		m->doc.parent_id = any(2) == 0 ? "p-1" : "p-2";
		m->doc.parent_name = "A parent";
	}
	m->doc.commune = any(3) > 0 ? territory_at(t, any(4)) : NULL;
	m->doc.mark = i * UINT64_C(0x100000001);
	m->doc.zones = m->zones;
	for (unsigned k = any(3); k > 0; k--)
		m->zones[m->doc.n_zones++] = territory_zone(t, codes[any(5)]);
}

/* ---- what the rule says ------------------------------------------------------------ */

struct expected {
	const struct made *made;
	unsigned rank;
};

static int
compare(const void *x, const void *y)
{
	const struct expected *a = x, *b = y;
	char fa[64], fb[64];

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	fold_text(a->made->name, strlen(a->made->name), fa);
	fold_text(b->made->name, strlen(b->made->name), fb);
	return search_order(fa, a->made->id, a->made->doc.kind, fb, b->made->id,
	    b->made->doc.kind);
}

static bool
in_zone(const struct search_doc *d, const struct zone *z)
{
	bool meets = z == NULL || d->everywhere;

	for (size_t i = 0; i < d->n_zones; i++)
		meets |= zones_meet(z, d->zones[i]);
	return meets;
}

static size_t
naive(const struct fixture *f, const struct text_question *q,
    const struct made *list, size_t n, struct expected *out)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		const struct search_doc *d = &list[i].doc;
		int rank;

		if (!list[i].alive || (q->kinds >> d->kind & 1) == 0 ||
		    !in_zone(d, q->zone))
			continue;
		rank = search_match(q->query, f->words, d, q->spelling, NULL);
		assert_true(rank >= -1);
		if (rank >= 0)
			out[found++] =
			    (struct expected){ &list[i], (unsigned)rank };
	}
	qsort(out, found, sizeof *out, compare);
	return found;
}

/* ---- the index says the same ---------------------------------------------------------- */

/* All hits, a few at a time; each page begins behind the one before. */
static void
check_pages(const struct fixture *f, const struct text_part *part,
    struct text_question *q, const struct expected *want, size_t n)
{
	struct text_hit hits[8];
	struct text_position at;
	size_t seen = 0;
	int got;

	q->after = NULL;
	do {
		size_t room = 1 + any(8);

		got = text_index_search(part, q, f->scratch, hits, room);
		assert_true(got >= 0);
		for (int i = 0; i < got; i++, seen++) {
			struct text_doc d =
			    text_index_doc(part->index, hits[i].doc);

			assert_true(seen < n);
			assert_int_equal(hits[i].rank, want[seen].rank);
			assert_string_equal(d.id, want[seen].made->id);
			assert_string_equal(d.name, want[seen].made->name);
			assert_int_equal(d.mark, want[seen].made->doc.mark);
			assert_ptr_equal(d.commune,
			    want[seen].made->doc.commune);
			at = (struct text_position){ hits[i].rank, d.name, d.id,
				d.kind };
		}
		q->after = &at;
		if ((size_t)got < room)
			got = 0;
	} while (got > 0);
	assert_int_equal(seen, n);
}

static void
check_query(const struct fixture *f, const struct text_part *part,
    const struct made *list, size_t n, const char *text)
{
	static const char *const within[] = { NULL, NULL, "dep:14", "com:14001",
		"arr:142", "dep:50" };
	const char *zone = within[any(6)];
	struct search_query query;
	struct text_question q = { .query = &query,
		.kinds = any(3) == 0 ? 1u << (1 + any(3)) : 0xEu,
		.zone =
		    zone != NULL ? territory_zone(f->territory, zone) : NULL };
	struct expected *want = calloc(n + 1, sizeof *want);
	struct err e = { 0 };

	if (search_query_read(&query, f->words, text, &e) == 0) {
		for (int spelling = 0; spelling < 2; spelling++) {
			size_t found;

			q.spelling = spelling == 1;
			found = naive(f, &q, list, n, want);
			check_pages(f, part, &q, want, found);
		}
	}
	free(want);
}

static void
check_queries(const struct fixture *f, const struct text_part *part,
    const struct made *list, size_t n)
{
	for (int i = 0; i < 60; i++) {
		char text[128];

		any_words(text, sizeof text, 3);
		if (any(3) == 0)
			text[strlen(text) - any(2)] = '\0';
		if (any(5) == 0 && strlen(text) > 3)
			text[2] = (char)('a' + any(26));
		if (any(10) == 0)
			(void)snprintf(text, sizeof text, "%s",
			    list[any((unsigned)n)].name);
		if (any(20) == 0)
			(void)snprintf(text, sizeof text, "%s",
			    list[any((unsigned)n)].id);
		check_query(f, part, list, n, text);
	}
}

static struct text_index *
build(const struct fixture *f, const struct made *list, size_t n)
{
	struct text_builder *b = text_builder_new(f->territory);
	struct text_index *ix;

	assert_non_null(b);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(text_builder_add(b, f->words, &list[i].doc),
		    0);
	assert_int_equal(text_builder_docs(b), n);
	ix = text_builder_finish(b);
	assert_non_null(ix);
	assert_int_equal(text_index_docs(ix), n);
	return ix;
}

static void
search__any_records_and_queries__as_the_rule_says(void **state)
{
	const struct fixture *f = *state;
	struct made *list = calloc(700, sizeof *list);

	for (seed = 1; seed < 13;) {
		uint64_t round = seed;
		size_t n = 1 + any(round % 3 == 0 ? 700 : 60);
		struct text_part part = { .dead = NULL };

		for (size_t i = 0; i < n; i++)
			make(&list[i], (unsigned)i, f->territory);
		part.index = build(f, list, n);
		check_queries(f, &part, list, n);
		text_index_free((struct text_index *)(uintptr_t)part.index);
		seed = round + 1;
	}
	free(list);
}

/* Some die by chance, in the list and in the bits. */
static uint64_t *
kill_some(struct made *list, size_t n, const struct text_index *ix)
{
	uint64_t *dead = calloc(text_index_docs(ix) / 64 + 1, sizeof *dead);

	for (size_t i = 0; i < n; i++) {
		int32_t doc;

		if (any(4) > 0)
			continue;
		doc = text_index_find(ix, list[i].doc.kind, list[i].id);
		assert_true(doc >= 0);
		dead[doc / 64] |= UINT64_C(1) << doc % 64;
		list[i].alive = false;
	}
	return dead;
}

static void
merge__several_with_dead__as_one_of_the_living(void **state)
{
	const struct fixture *f = *state;
	struct made *list = calloc(600, sizeof *list);

	for (seed = 100; seed < 106;) {
		uint64_t round = seed;
		struct text_part parts[3], whole = { .dead = NULL };
		size_t each = 1 + any(200);

		for (size_t i = 0; i < 3 * each; i++)
			make(&list[i], (unsigned)i, f->territory);
		for (size_t p = 0; p < 3; p++) {
			parts[p].index = build(f, list + p * each, each);
			parts[p].dead =
			    kill_some(list + p * each, each, parts[p].index);
			check_queries(f, &parts[p], list + p * each, each);
		}
		whole.index = text_index_merge(parts, 3);
		assert_non_null(whole.index);
		check_queries(f, &whole, list, 3 * each);
		for (size_t p = 0; p < 3; p++) {
			free((uint64_t *)(uintptr_t)parts[p].dead);
			text_index_free(
			    (struct text_index *)(uintptr_t)parts[p].index);
		}
		text_index_free((struct text_index *)(uintptr_t)whole.index);
		seed = round + 1;
	}
	free(list);
}

/* ---- the rest ---------------------------------------------------------------------------- */

static void
find__kind_and_id__that_record_only(void **state)
{
	const struct fixture *f = *state;
	struct made list[3];
	struct text_index *ix;
	int32_t doc;

	seed = 7;
	for (unsigned i = 0; i < 3; i++) {
		make(&list[i], 1, f->territory); /* one id, three kinds */
		list[i].doc.kind = (uint8_t)(i + 1);
	}
	ix = build(f, list, 3);
	for (uint8_t kind = 1; kind <= 3; kind++) {
		doc = text_index_find(ix, kind, "r-1");
		assert_true(doc >= 0);
		assert_int_equal(text_index_doc(ix, (uint32_t)doc).kind, kind);
	}
	assert_int_equal(text_index_find(ix, 4, "r-1"), -1);
	assert_int_equal(text_index_find(ix, 1, "r-2"), -1);
	text_index_free(ix);
}

static void
nearest__word_that_none_has__the_closest_that_lives(void **state)
{
	const struct fixture *f = *state;
	struct search_doc d = { .kind = 1, .id = "a", .name = "Orientation" };
	struct made made = { .doc = d };
	struct text_part part = { .dead = NULL };
	struct search_word w = { "orjentqtion", 11 },
			   has = { "orientations", 12 };
	char nearest[SEARCH_WORD_MAX + 1] = "";
	uint64_t dead = 1;
	unsigned distance = 4;

	search_doc_add(&made.doc, SEARCH_IN_NAME, "Orientation");
	part.index = build(f, &made, 1);
	assert_true(text_index_has(&part, &has));
	assert_false(text_index_has(&part, &w));
	text_index_nearest(&part, &w, &distance, nearest);
	assert_string_equal(nearest, "orientation");
	assert_int_equal(distance, 2);
	part.dead = &dead;
	assert_false(text_index_has(&part, &has));
	distance = 4;
	text_index_nearest(&part, &w, &distance, nearest);
	assert_int_equal(distance, 4);
	text_index_free((struct text_index *)(uintptr_t)part.index);
}

static void
index__empty__finds_nothing(void **state)
{
	const struct fixture *f = *state;
	struct text_part part = { build(f, NULL, 0), NULL };

	seed = 3;
	check_query(f, &part, NULL, 0, "mission");
	assert_int_equal(text_index_find(part.index, 1, "a"), -1);
	assert_true(text_index_bytes(part.index) > 0);
	text_index_free((struct text_index *)(uintptr_t)part.index);
	text_index_free(NULL);
	text_builder_free(NULL);
	text_scratch_free(NULL);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct table_bytes t[3] = { { "c", communes, sizeof communes - 1 },
		{ "a", anciens, sizeof anciens - 1 },
		{ "z", zones, sizeof zones - 1 } };
	struct err e = { 0 };

	f->words = search_words_new("words", conf, sizeof conf - 1, &e);
	f->territory = territory_new(&t[0], &t[1], &t[2], &e);
	f->scratch = text_scratch_new();
	if (e.code != ERR_NONE)
		print_error("%s\n", e.msg);
	*state = f;
	return f->words != NULL && f->territory != NULL && f->scratch != NULL
		   ? 0
		   : -1;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	search_words_free(f->words);
	territory_free(f->territory);
	text_scratch_free(f->scratch);
	free(f);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    search__any_records_and_queries__as_the_rule_says),
		cmocka_unit_test(
		    merge__several_with_dead__as_one_of_the_living),
		cmocka_unit_test(find__kind_and_id__that_record_only),
		cmocka_unit_test(
		    nearest__word_that_none_has__the_closest_that_lives),
		cmocka_unit_test(index__empty__finds_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
