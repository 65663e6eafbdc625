/* FUZZ_vocabulary: domain.  Any bytes as a file, then as a code to look up. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "domain/value.h"
#include "domain/vocabulary.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Every term that was taken is found by its code, and passes its check. */
static void
check_terms(const struct vocabulary *voc)
{
	size_t i, j;

	for (i = 0; i < vocabulary_count(voc); i++) {
		const struct vocabulary_term *t = vocabulary_at(voc, i);

		if (vocabulary_term(voc, t->code) != t)
			abort();
		if (vocabulary_check(voc, "code", t->code, strlen(t->code),
			NULL) < 0)
			abort();
		for (j = 0; j < vocabulary_extras(voc); j++)
			if (vocabulary_extra(t,
				vocabulary_extra_name(voc, j)) == NULL)
				abort();
	}
}

/* A value that is refused has a cause and a remedy, in UTF-8. */
static void
check_code(const struct vocabulary *voc, const char *s, size_t len)
{
	struct err e = { 0 };

	if (vocabulary_check(voc, "f", s, len, &e) == 0)
		return;
	if (e.code != ERR_INVALID || e.reason[0] == '\0' || e.remedy[0] == '\0')
		abort();
	if (value_check(VALUE_DESCRIPTION, "msg", e.msg, strlen(e.msg), NULL) <
	    0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char known[] =
	    "code;libelle_fr;libelle_en;since;until;x\n"
	    "chat;Chat;Cat;;;1\nchien;Chien;Dog;2020-01-01;;\n";
	struct vocabularies *set = vocabularies_new();
	const char *s = (const char *)data;
	struct err e = { 0 };

	if (set == NULL)
		return 0;
	if (vocabularies_add(set, "known", known, sizeof known - 1, &e) < 0)
		abort();
	check_code(vocabularies_find(set, "known"), s, size);
	if (vocabularies_add(set, "fuzz", s, size, &e) == 0)
		check_terms(vocabularies_find(set, "fuzz"));
	else if (e.code == ERR_NONE || e.msg[0] == '\0')
		abort();
	vocabularies_free(set);
	return 0;
}
