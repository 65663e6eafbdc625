/* FUZZ_referral_rules: domain.  Any bytes as rules: refused with a cause, or
 * rules that answer a question without candidates. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/referral.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static size_t
nobody(struct candidate_source *s, size_t target, const struct commune *c,
    bool all, const struct placed **out)
{
	(void)s;
	(void)target;
	(void)c;
	(void)all;
	*out = NULL;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { 0 };
	struct referral_rules *r = referral_rules_new("fuzz",
	    (const char *)data, size, NULL, NULL, &e);
	struct candidate_source source = { .placed = nobody };
	static struct referral_answer answer;
	struct referral_query q = {
		.day = 20261124,
		.age_min = 20,
		.age_max = 20,
		.situation = "sans_activite",
		.besoins = { "vae" },
		.n_besoins = 1,
		.why = true,
	};

	if (r == NULL) {
		assert(e.code != ERR_NONE && e.remedy[0] != '\0');
		return 0;
	}
	referral_find(r, &q, &source, &answer);
	assert(answer.n_lines >= 1);
	referral_rules_free(r);
	return 0;
}
