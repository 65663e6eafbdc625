/*
 * search_answer.h - what Search says of what it found.  For search*.c only.
 */
#ifndef SERVICE_SEARCH_ANSWER_H
#define SERVICE_SEARCH_ANSWER_H

#include "domain/text_index.h"
#include "service/context.h"
#include "service/search_index.h"

struct search_found { /* by one part, in order */
	struct text_part part;
	struct text_hit *hits;
	size_t n;
};

/*
 * Answer with the first `size` hits of all the parts, the token for those that
 * follow, and, where there is none and no page came before, the words by
 * themselves.  `filters`: the hash that the token carries.
 */
int search_answer(struct call *, const struct search_view *,
    const struct text_question *, const struct search_found *, size_t n,
    size_t size, bool why, uint64_t filters, struct err *);

/* The position of a token into `after`, its texts in the arena.
 * Fails: ERR_INVALID (page_token). */
int search_read_token(struct arena *, const char *token, uint64_t filters,
    struct text_position *after, struct err *);

#endif
