/*
 * referral.h - where to send a person: rules of law as rows, one loop.
 *
 * The rows are data (config/referral-rules.conf).  A row says to whom it
 * applies, which bodies answer, at which rank, by which law and why; or which
 * bodies must never be given.  The answer is a pure function of the rows, the
 * question and the candidates: same input, same lines, and never none.
 *
 * Rules are immutable: any number of threads may read them.  A question lives
 * in memory only; nothing here keeps, logs or counts it.
 */
#ifndef DOMAIN_REFERRAL_H
#define DOMAIN_REFERRAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/status.h"
#include "domain/territory.h"
#include "wire/err.h"

/* ---- rules -------------------------------------------------------------- */

struct referral_rules;
struct vocabularies;

/* Is `code` of the vocabulary of that name?  NULL: not checked. */
typedef bool code_known_fn(const struct vocabularies *, const char *vocabulary,
    const char *code);

/*
 * Parse the rows.  The format is stated at the head of the shipped file.
 * Owns:   the caller's until referral_rules_free(); the bytes are not needed
 *         afterwards.
 * Fails:  ERR_INVALID: "NAME:LINE: [rule] key: what", remedy: what is allowed;
 *         ERR_NOMEM.
 */
struct referral_rules *referral_rules_new(const char *name, const char *bytes,
    size_t len, code_known_fn *, const struct vocabularies *, struct err *);
void referral_rules_free(struct referral_rules *); /* NULL is a no-op */

/* The rows, in order: "R04a" or, for a further row of a rule, "R04a.2". */
size_t referral_rules_count(const struct referral_rules *);
const char *referral_rules_row(const struct referral_rules *, size_t);

/* Who may answer: bodies of a kind, or that hold a title or a cercle. */
enum target_by {
	TARGET_KIND,
	TARGET_TITLE,
	TARGET_CERCLE,
	TARGET_LABEL, /* a title of cercle 3 that makes a member of the SPRO */
};

struct target {
	enum target_by by;
	const char *code; /* kind or title, "" for others */
	unsigned cercle;
};

/* Every distinct target of the rows, each once: an index of candidates keeps
 * one list for each. */
size_t referral_targets(const struct referral_rules *);
const struct target *referral_target(const struct referral_rules *, size_t);

/* ---- candidates --------------------------------------------------------- */

enum candidate_mode {
	MODE_PRESENTIEL = 1,
	MODE_DISTANCE = 2,
};

/* What all places of a body share. */
struct candidate_body {
	const char *id;
	const char *kind;                     /* code of organisation-kinds */
	const struct zone *const *competence; /* or none */
	size_t n_competence;
	const struct zone *const *sauf; /* exceptions to it */
	size_t n_sauf;
	day_number closed; /* last day of the body; 0 open */
};

/* A body at one of its sites, or a body that has none. */
struct candidate {
	const struct candidate_body *body;
	const char *site_id;           /* "" when the body has no site */
	const struct commune *commune; /* of the site; NULL not known */
	const struct title *titles;    /* of the body and of this site */
	uint32_t n_titles;
	day_number closed; /* last day of the site; 0 open */
	unsigned modes;    /* enum candidate_mode, 0 not known */
};

/* A candidate as seen from a commune. */
struct placed {
	const struct candidate *candidate;
	uint32_t metres; /* between commune centres */
	uint8_t class;   /* enum distance_class */
	bool competence; /* its territory names the commune */
};

/* Could the target ever mean this candidate, whatever the day? */
bool target_takes(const struct target *, const struct candidate *);

struct placed candidate_place(const struct candidate *, const struct commune *);
/* Does the territory of competence name the commune, exceptions apart? */
bool candidate_competent(const struct candidate *, const struct commune *);

/* The order of bodies of one target: competence names the commune > same EPCI
 * > arrondissement > département > others; then in the commune itself; then
 * the distance; then the ids.  -1, 0, 1. */
int placed_compare(const struct placed *, const struct placed *);

/*
 * Place the candidates that a target takes, the best first; at most `room` are
 * written.  Returns how many the target takes in all.
 */
size_t referral_place(const struct target *, const struct candidate *const *,
    size_t n, const struct commune *, struct placed *out, size_t room);

#define REFERRAL_NEAR 8

/* Where the loop gets its candidates: embed it in a struct of your own. */
struct candidate_source {
	/* The candidates of target number `target`, placed, the best first: at
	 * least the first REFERRAL_NEAR, and all when `all`.  The list is borrowed until the next
	 * call, the candidates until the answer is no longer read. */
	size_t (*placed)(struct candidate_source *, size_t target,
	    const struct commune *, bool all, const struct placed **out);
};

/* ---- a question and its answer ------------------------------------------ */

enum reply {
	REPLY_UNKNOWN,
	REPLY_YES,
	REPLY_NO,
};

#define REFERRAL_NEEDS_MAX 20

struct referral_query {
	const struct commune *commune; /* required */
	day_number day;                /* at which titles are read */
	unsigned age_min, age_max;     /* equal for an age; 0, 0 not said */
	const char *situation;         /* codes; "" not said */
	const char *secteur_projet;
	const char *modalite;
	const char *besoins[REFERRAL_NEEDS_MAX];
	size_t n_besoins;
	enum reply cadre, boeth, rsa, handicap_principal, deja_suivi;
	unsigned limit; /* lines; 0: 5 */
	bool why;
};

#define REFERRAL_LINES_MAX 20
#define REFERRAL_EXCLUSIONS_MAX 60
#define REFERRAL_NOTES_MAX 16

struct referral_line {                     /* texts are the rules' */
	const struct candidate *candidate; /* NULL: outside the network */
	const char *hors_reseau;           /* its name then; else NULL */
	const char *site_web, *telephone;  /* of that answer, or "" */
	char rule_id[16];
	const char *legal_source;
	const char *reason;
	struct placed placed;
	const struct title *proof; /* NULL outside the network */
	unsigned priority;         /* of its row: the smaller, the earlier */
};

struct referral_exclusion {
	char rule_id[16];
	const struct candidate *candidate; /* NULL: for a whole kind */
	const char *kind;                  /* code, or "" */
	const char *reason;
	const char *legal_source;
};

struct referral_answer {
	struct referral_line lines[REFERRAL_LINES_MAX];
	size_t n_lines; /* 1 at least */
	/* Prohibitions that applied, always; with `why`, each body that came
	 * before the chosen one and was left out. */
	struct referral_exclusion excluded[REFERRAL_EXCLUSIONS_MAX];
	size_t n_excluded;
	const char *notes[REFERRAL_NOTES_MAX];
	size_t n_notes;
};

/* Answer.  Deterministic; does not allocate, nor fail. */
void referral_find(const struct referral_rules *, const struct referral_query *,
    struct candidate_source *, struct referral_answer *);

#endif
