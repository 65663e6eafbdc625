/* FUZZ_search: domain.  Any bytes as search words, and as a query to a few
 * records: refused with a cause, or an index finds what the rule finds. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "domain/text_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const char *const names[] = { "Mission locale de Caen", "C.I.O. Vire",
	"P\xC3\xB4le emploi Saint-L\xC3\xB4", "Antenne 12" };
#define NAMES (sizeof names / sizeof names[0])

struct found {
	struct search_words *words;
	struct search_doc docs[NAMES + 1];
	char own[256]; /* the fuzzed text, as a record's name too */
};

static void
check(const struct found *f, const struct text_part *part,
    struct text_scratch *scratch, const struct search_query *q, bool spelling)
{
	struct text_question question = { .query = q,
		.kinds = 2,
		.spelling = spelling };
	struct text_hit hits[NAMES + 1];
	int n = text_index_search(part, &question, scratch, hits, NAMES + 1);
	int seen = 0;

	if (n < 0)
		abort();
	for (size_t i = 0; i < NAMES + 1; i++) {
		struct search_whys why;
		int rank =
		    search_match(q, f->words, &f->docs[i], spelling, &why);

		if (rank < 0)
			continue;
		seen++;
		if (why.n == 0 || why.n > SEARCH_QUERY_WORDS)
			abort();
		for (int k = 0; k < n; k++)
			if (strcmp(text_index_doc(part->index, hits[k].doc).id,
				f->docs[i].id) == 0 &&
			    hits[k].rank != (unsigned)rank)
				abort();
	}
	if (seen != n)
		abort();
}

static void
ask(struct found *f, const char *text)
{
	static const char *const ids[] = { "a", "b", "c", "d", "e" };
	struct text_scratch *scratch = text_scratch_new();
	struct text_builder *b = text_builder_new(NULL);
	struct search_query q;
	struct text_part part;
	struct err e = { 0 };

	for (size_t i = 0; i < NAMES + 1; i++) {
		struct search_doc *d = &f->docs[i];

		memset(d, 0, sizeof *d);
		d->kind = 1;
		d->id = ids[i];
		d->name = i < NAMES ? names[i] : f->own;
		search_doc_add(d, SEARCH_IN_NAME, d->name);
		search_doc_add(d, SEARCH_IN_TEXT, f->own);
		if (text_builder_add(b, f->words, d) < 0)
			abort();
	}
	part = (struct text_part){ text_builder_finish(b), NULL };
	if (search_query_read(&q, f->words, text, &e) == 0) {
		check(f, &part, scratch, &q, false);
		check(f, &part, scratch, &q, true);
	} else if (e.reason[0] == '\0' || e.remedy[0] == '\0') {
		abort();
	}
	text_index_free((struct text_index *)(uintptr_t)part.index);
	text_scratch_free(scratch);
}

/* The first line is a file of search words, the second a record and a query. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char known[] = "ignore = de\nsame = Mission locale, ML\n";
	const uint8_t *cut = memchr(data, 0, size);
	size_t first = cut != NULL ? (size_t)(cut - data) : size;
	size_t rest = cut != NULL ? size - first - 1 : 0;
	struct err e = { 0 };
	struct found *f = calloc(1, sizeof *f);
	char *text;

	if (rest >= sizeof f->own)
		rest = sizeof f->own - 1;
	text = calloc(1, rest + 1);
	if (rest > 0)
		memcpy(text, cut + 1, rest);
	(void)strcpy(f->own, text);
	f->words = search_words_new("fuzz", (const char *)data, first, &e);
	if (f->words == NULL && (e.code == ERR_NONE || e.remedy[0] == '\0'))
		abort();
	if (f->words == NULL)
		f->words =
		    search_words_new("known", known, sizeof known - 1, &e);
	ask(f, text);
	search_words_free(f->words);
	free(text);
	free(f);
	return 0;
}
