/*
 * search.h - which records a few words find, and in which order: the rule.
 *
 * Every word of the query must be found in the record, anywhere.  A hit ranks
 * by the least telling field that some word needed, in the order of enum
 * search_field; within a field, whole words come before a last word that is
 * only the beginning of one.  A record whose whole name or id is the query
 * comes first of all.  Only when nothing is found so are small slips of
 * spelling forgiven.  Hits of one rank are in the order of their names, then
 * of ids, then of kinds.
 *
 * search_match() is that rule, for one record; a text_index (text_index.h)
 * finds the same for many.  Pure.  Thread: any.
 */
#ifndef DOMAIN_SEARCH_H
#define DOMAIN_SEARCH_H

#include <stdint.h>

#include "domain/search_words.h"
#include "domain/territory.h"

/* Where a word was found, most telling first.  The wire's numbers. */
enum search_field {
	SEARCH_IN_IDENTIFIER = 1, /* SIRET, RNA, UAI */
	SEARCH_IN_NAME,           /* official and usual name */
	SEARCH_IN_SIGLE,
	SEARCH_IN_COMMUNE,      /* name, former names, INSEE, postal code */
	SEARCH_IN_KIND,         /* label of the organisation's kind */
	SEARCH_IN_ORGANISATION, /* names, sigle and kind of the body */
	SEARCH_IN_TEXT,         /* of an offer: description, publics, ... */
	SEARCH_FIELDS           /* one more than the last */
};

/* How it was found, best first.  The wire's numbers. */
enum search_how {
	SEARCH_WHOLE = 1, /* the query is the whole name, or the id */
	SEARCH_WORD,      /* that word, or its plural or singular */
	SEARCH_SYNONYM,   /* another name of the same group */
	SEARCH_BEGINNING, /* the last word is how the word found begins */
	SEARCH_SPELLING,  /* the word found is spelt nearly so */
};

/* ---- ranks ---------------------------------------------------------------- */

/* 0 is the best: the query is the name or the id. */
#define SEARCH_RANK_EXACT 0u
#define SEARCH_RANK_SPELLING (2u * SEARCH_FIELDS)
#define SEARCH_RANKS (3u * SEARCH_FIELDS)

/* `how`: WORD (with SYNONYM), BEGINNING or SPELLING. */
static inline unsigned
search_rank(enum search_field field, enum search_how how)
{
	if (how == SEARCH_SPELLING)
		return SEARCH_RANK_SPELLING + (unsigned)field;
	return 2u * (unsigned)field + (how == SEARCH_BEGINNING);
}

/* The field of a rank, and how. */
enum search_field search_rank_field(unsigned rank);
enum search_how search_rank_how(unsigned rank);

/* ---- the query ------------------------------------------------------------ */

#define SEARCH_QUERY_CHARS 200
#define SEARCH_QUERY_BYTES (4 * SEARCH_QUERY_CHARS)
#define SEARCH_QUERY_WORDS 8
#define SEARCH_WHY_BYTES (SEARCH_QUERY_BYTES + 1)

struct search_slot {       /* words of the query that mean one thing */
	size_t first, n;   /* of its words */
	const char *group; /* they are a name of this group, or NULL */
};

struct search_query {
	char text[SEARCH_QUERY_BYTES + 1]; /* without blanks at either end, A-Z
					    * in lower case: it may be an id */
	char folded[SEARCH_QUERY_BYTES + 1];
	struct search_word words[SEARCH_QUERY_WORDS];
	unsigned slips[SEARCH_QUERY_WORDS]; /* forgiven in each word */
	size_t n_words;
	bool beginning; /* the last word may be that of one: it has two letters
			 * or more, or is a letter behind other words */
	struct search_slot slots[SEARCH_QUERY_WORDS];
	size_t n_slots;
	char room[SEARCH_SPLIT_ROOM(SEARCH_QUERY_BYTES)];
};

/*
 * Read what a person typed; the query borrows from `words`.
 * Fails: ERR_INVALID (field "query"): empty, too long, more than
 *        SEARCH_QUERY_WORDS words, only words to ignore.
 */
int search_query_read(struct search_query *, const struct search_words *,
    const char *text, struct err *);

/* ---- the records ----------------------------------------------------------- */

struct search_text {
	enum search_field field;
	const char *text;
};

#define SEARCH_TEXT_WORDS 400 /* of one text, beyond which none is read */
#define SEARCH_TEXTS_MAX 192

struct search_doc { /* what of a record is searched and shown; NULLs: "" */
	uint8_t kind;
	const char *id;
	const char *name;                    /* shown, and the order of hits */
	const char *other_name;              /* a second whole name, or "" */
	const char *closed;                  /* last day, or "" */
	const char *parent_id, *parent_name; /* of a site or an offer */
	const struct commune *commune;       /* or NULL */
	const struct zone *const *zones; /* where it answers; see everywhere */
	size_t n_zones;
	bool everywhere;
	uint64_t mark; /* the caller's own, kept with the record */
	struct search_text texts[SEARCH_TEXTS_MAX];
	size_t n_texts;
};

void search_doc_add(struct search_doc *, enum search_field, const char *text);

/* A term of a record: a word, or a group that one of its names stands for. */
struct search_term {
	enum search_field field;
	struct search_word word; /* or the group's name, folded */
	bool group;
};

/* Each term of the record, those of the most telling field first; a term may
 * come several times.  -1 of `fn` ends it.  Fails: -1, no memory. */
typedef int search_term_fn(const struct search_term *, void *arg);
int search_doc_each(const struct search_doc *, const struct search_words *,
    search_term_fn *fn, void *arg);

/* What words of the query were found by. */
struct search_why {
	enum search_field field;
	enum search_how how;
	char asked[SEARCH_WHY_BYTES]; /* words of the query */
	char found[SEARCH_WHY_BYTES]; /* those of the record, or the group */
};

struct search_whys {
	struct search_why list[SEARCH_QUERY_WORDS];
	size_t n;
};

/*
 * The rank at which the query finds the record, or -1.  `spelling`: only with
 * slips, as when nothing else was found.  `why` is filled when it does; may be
 * NULL.  Fails: -2, no memory.
 */
int search_match(const struct search_query *, const struct search_words *,
    const struct search_doc *, bool spelling, struct search_whys *why);

/* ---- comparing, for whoever indexes ----------------------------------------- */

/* Is the word found that word of the query, or its plural or singular? */
bool search_same_word(const struct search_word *asked,
    const struct search_word *found);
bool search_begins(const struct search_word *asked,
    const struct search_word *found);
/* Within so many slips.  Words with digits are never misspelt. */
bool search_near(const struct search_word *asked, unsigned slips,
    const struct search_word *found);

/* The order of hits of one rank: folded name, id, kind. */
int search_order(const char *folded_a, const char *id_a, uint8_t kind_a,
    const char *folded_b, const char *id_b, uint8_t kind_b);

#endif
