/* referral_rules.c - reads the rows; see referral.h and the head of
 * config/referral-rules.conf. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/fold.h"
#include "domain/referral_rows.h"

#define TEXT_BYTES_MAX (1u << 20)
#define PRIORITY_MAX 999
#define COUNT_MAX 5
#define AGE_MAX 120

static const struct field_rule {
	const char *name;
	const char *vocabulary; /* of its codes, or NULL */
	bool answer;            /* oui, non */
	bool unknown;           /* may be "inconnu" */
} field_rules[ROW_FIELDS] = {
	[ROW_AGE] = { "age", NULL, false, true },
	[ROW_SITUATION] = { "situation", "situations", false, true },
	[ROW_CADRE] = { "cadre", NULL, true, true },
	[ROW_BOETH] = { "boeth", NULL, true, true },
	[ROW_RSA] = { "rsa", NULL, true, true },
	[ROW_HANDICAP_PRINCIPAL] = { "handicap_principal", NULL, true, true },
	[ROW_DEJA_SUIVI] = { "deja_suivi", NULL, true, true },
	[ROW_BESOIN] = { "besoin", "besoins", false, true },
	[ROW_SEUL_BESOIN] = { "seul_besoin", "besoins", false, false },
	[ROW_SECTEUR] = { "secteur", "secteurs-projet", false, true },
	[ROW_MODALITE] = { "modalite", "modalites", false, true },
	[ROW_AUTRE_REGLE] = { "autre_regle", NULL, true, false },
	[ROW_SANS_REPONSE] = { "sans_reponse", NULL, true, false },
};

struct parser {
	struct referral_rules *rules;
	const char *name;
	unsigned line;
	struct row *row; /* NULL before the first section */
	const char *key;
	code_known_fn *known;
	const struct vocabularies *vocabularies;
	struct err *err;
};

/* "NAME:LINE: [row] key: what". */
static int
fail(const struct parser *p, const char *what, const char *remedy)
{
	err_set(p->err, ERR_INVALID, "%s:%u: %s%s%s%s%s%s", p->name, p->line,
	    p->row != NULL ? "[" : "", p->row != NULL ? p->row->name : "",
	    p->row != NULL ? "] " : "", p->key != NULL ? p->key : "",
	    p->key != NULL ? ": " : "", what);
	err_field(p->err, p->key != NULL ? p->key : "section");
	err_reason(p->err, "REFERRAL_RULE");
	return err_remedy(p->err, "%s", remedy);
}

static int
fail_word(const struct parser *p, const char *word, const char *what,
    const char *remedy)
{
	char text[160];

	(void)snprintf(text, sizeof text, "%.60s %s", word, what);
	return fail(p, text, remedy);
}

static int
read_unsigned(const char *s, unsigned low, unsigned high, unsigned *out)
{
	size_t n = strspn(s, "0123456789");

	if (n == 0 || n > 6 || s[n] != '\0')
		return -1;
	*out = (unsigned)strtoul(s, NULL, 10);
	return *out >= low && *out <= high ? 0 : -1;
}

/* ---- conditions --------------------------------------------------------- */

static int
add_code(struct parser *p, struct condition *c, const char *code)
{
	const char *vocabulary = field_rules[c->field].vocabulary;
	size_t i, n = p->rules->fields[c->field].n;

	for (i = 0; i < n; i++)
		if (strcmp(p->rules->fields[c->field].codes[i], code) == 0)
			break;
	if (i == FIELD_CODES_MAX)
		return fail(p, "too many different codes",
		    "at most 60 codes a field");
	if (i == n) {
		char remedy[120];

		(void)snprintf(remedy, sizeof remedy,
		    "give a code of vocabularies/%s.csv, or inconnu",
		    vocabulary);
		if (p->known != NULL &&
		    !p->known(p->vocabularies, vocabulary, code))
			return fail_word(p, code, "is not a known code",
			    remedy);
		p->rules->fields[c->field].codes[n] = code;
		p->rules->fields[c->field].n++;
	}
	c->values |= UINT64_C(1) << i;
	return 0;
}

/* "16-25", "26-", "-17", "30". */
static int
read_ages(struct parser *p, struct condition *c, char *text)
{
	static const char remedy[] =
	    "give ages from 0 to 120, once: 16-25, 26-, -15, 30, or inconnu";
	char *dash = strchr(text, '-');

	if (c->high > 0)
		return fail_word(p, text, "is a second range of ages", remedy);
	c->high = AGE_MAX;
	if (dash != NULL)
		*dash++ = '\0';
	if ((text[0] != '\0' || dash == NULL || dash[0] == '\0') &&
	    read_unsigned(text, 0, AGE_MAX, &c->low) < 0)
		return fail_word(p, text, "is not an age", remedy);
	if (dash == NULL)
		c->high = c->low;
	else if (dash[0] != '\0' &&
		 read_unsigned(dash, c->low, AGE_MAX, &c->high) < 0)
		return fail_word(p, dash, "is not an age after the first",
		    remedy);
	return c->high > 0 ? 0 : fail(p, "age 0", remedy);
}

static int
read_value(struct parser *p, struct condition *c, char *value)
{
	const struct field_rule *f = &field_rules[c->field];

	if (f->unknown &&
	    (strcmp(value, "inconnu") == 0 || strcmp(value, "inconnue") == 0)) {
		c->values |= BIT_UNKNOWN;
		return 0;
	}
	if (c->field == ROW_AGE)
		return read_ages(p, c, value);
	if (!f->answer)
		return add_code(p, c, value);
	if (strcmp(value, "oui") != 0 && strcmp(value, "non") != 0)
		return fail_word(p, value, "is not an answer",
		    f->unknown ? "give oui, non or inconnu"
			       : "give oui or non");
	c->values |= value[0] == 'o' ? BIT_YES : BIT_NO;
	return 0;
}

static int
read_condition(struct parser *p, struct condition *c, char *word)
{
	char *values = strchr(word, ':'), *rest = NULL;
	size_t f;

	if (values != NULL)
		*values++ = '\0';
	for (f = 0; f < ROW_FIELDS; f++)
		if (strcmp(field_rules[f].name, word) == 0)
			break;
	if (f == ROW_FIELDS || values == NULL || values[0] == '\0')
		return fail_word(p, word, "is not a condition",
		    "give field:value,value with age, situation, cadre, "
		    "boeth, rsa, handicap_principal, deja_suivi, besoin, "
		    "seul_besoin, secteur, modalite, autre_regle or "
		    "sans_reponse");
	c->field = (enum row_field)f;
	for (char *v = strtok_r(values, ",", &rest); v != NULL;
	     v = strtok_r(NULL, ",", &rest))
		if (read_value(p, c, v) < 0)
			return -1;
	return 0;
}

static int
read_conditions(struct parser *p, struct condition *list, size_t *n,
    char *value)
{
	char *rest = NULL;

	if (strcmp(value, "toujours") == 0)
		return 0;
	for (char *w = strtok_r(value, " ", &rest); w != NULL;
	     w = strtok_r(NULL, " ", &rest)) {
		if (*n == ROW_CONDITIONS_MAX)
			return fail(p, "too many conditions",
			    "at most 8; make two rows");
		for (size_t i = 0; i < *n; i++)
			if (list == p->row->conditions &&
			    strcspn(w, ":") ==
				strlen(field_rules[list[i].field].name) &&
			    strncmp(w, field_rules[list[i].field].name,
				strcspn(w, ":")) == 0)
				return fail_word(p, w, "comes twice",
				    "separate values by commas");
		list[*n] = (struct condition){ 0 };
		if (read_condition(p, &list[*n], w) < 0)
			return -1;
		(*n)++;
	}
	return 0;
}

static int
key_conditions(struct parser *p, char *value)
{
	return read_conditions(p, p->row->conditions, &p->row->n_conditions,
	    value);
}

static int
key_unless(struct parser *p, char *value)
{
	return read_conditions(p, p->row->unless, &p->row->n_unless, value);
}

/* ---- targets ------------------------------------------------------------ */

static const char target_remedy[] =
    "give kind:<code of organisation-kinds>, title:<code of titles>, cercle:1 "
    "to cercle:4, or label";

static int
read_target(struct parser *p, struct target *t, char *word)
{
	char *code = strchr(word, ':');
	const char *vocabulary;

	*t = (struct target){ .by = TARGET_LABEL, .code = "" };
	if (strcmp(word, "label") == 0)
		return 0;
	if (code == NULL || code[1] == '\0')
		return fail_word(p, word, "is not a target", target_remedy);
	*code++ = '\0';
	if (strcmp(word, "cercle") == 0) {
		t->by = TARGET_CERCLE;
		if (read_unsigned(code, 1, 4, &t->cercle) < 0)
			return fail_word(p, code, "is not a cercle",
			    target_remedy);
		return 0;
	}
	if (strcmp(word, "kind") != 0 && strcmp(word, "title") != 0)
		return fail_word(p, word, "is not a target", target_remedy);
	t->by = word[0] == 'k' ? TARGET_KIND : TARGET_TITLE;
	t->code = code;
	vocabulary = word[0] == 'k' ? "organisation-kinds" : "titles";
	if (p->known != NULL && !p->known(p->vocabularies, vocabulary, code))
		return fail_word(p, code, "is not a known code", target_remedy);
	return 0;
}

static bool
same_target(const struct target *a, const struct target *b)
{
	return a->by == b->by && a->cercle == b->cercle &&
	       strcmp(a->code, b->code) == 0;
}

static int
key_targets(struct parser *p, char *value)
{
	struct referral_rules *r = p->rules;
	char *rest = NULL;

	for (char *w = strtok_r(value, " ", &rest); w != NULL;
	     w = strtok_r(NULL, " ", &rest)) {
		struct target t;
		size_t i;

		if (p->row->n_targets == ROW_TARGETS_MAX)
			return fail(p, "too many targets",
			    "at most 8; make two rows");
		if (read_target(p, &t, w) < 0)
			return -1;
		for (i = 0; i < r->n_targets; i++)
			if (same_target(&r->targets[i], &t))
				break;
		if (i == ROW_TARGETS_ALL)
			return fail(p, "too many different targets",
			    "at most 120 in all");
		if (i == r->n_targets)
			r->targets[r->n_targets++] = t;
		p->row->targets[p->row->n_targets++] = (uint16_t)i;
	}
	return 0;
}

static int
key_forbids(struct parser *p, char *value)
{
	p->row->forbids = true;
	if (p->row->n_targets > 0)
		return fail(p, "a row that has targets",
		    "give targets or forbids, not both");
	return key_targets(p, value);
}

/* ---- the other keys ----------------------------------------------------- */

static int
key_priority(struct parser *p, char *value)
{
	if (read_unsigned(value, 1, PRIORITY_MAX, &p->row->priority) < 0)
		return fail_word(p, value, "is not a priority",
		    "give a number from 1 (first) to 999");
	return 0;
}

static int
key_count(struct parser *p, char *value)
{
	if (read_unsigned(value, 1, COUNT_MAX, &p->row->count) < 0)
		return fail_word(p, value, "is not a count",
		    "give a number of bodies from 1 to 5");
	return 0;
}

static int
key_legal_source(struct parser *p, char *value)
{
	p->row->legal_source = value;
	return 0;
}

static int
key_reason(struct parser *p, char *value)
{
	p->row->reason = value;
	return 0;
}

static int
key_note(struct parser *p, char *value)
{
	p->row->note = value;
	return 0;
}

static int
key_hors_reseau(struct parser *p, char *value)
{
	p->row->hors_reseau = value;
	return 0;
}

static int
key_hors_reseau_reason(struct parser *p, char *value)
{
	p->row->hors_reseau_reason = value;
	return 0;
}

static int
key_site_web(struct parser *p, char *value)
{
	if (strncmp(value, "https://", 8) != 0)
		return fail_word(p, value, "is not a secure address",
		    "give an address that starts with https://");
	p->row->site_web = value;
	return 0;
}

static int
key_telephone(struct parser *p, char *value)
{
	p->row->telephone = value;
	return 0;
}

static const struct row_key {
	const char *name;
	int (*read)(struct parser *, char *value);
	bool required;
} row_keys[] = {
	{ "conditions", key_conditions, true },
	{ "unless", key_unless, false },
	{ "targets", key_targets, false },
	{ "forbids", key_forbids, false },
	{ "priority", key_priority, false },
	{ "count", key_count, false },
	{ "legal_source", key_legal_source, true },
	{ "reason_fr", key_reason, false },
	{ "note_fr", key_note, false },
	{ "hors_reseau_fr", key_hors_reseau, false },
	{ "hors_reseau_reason_fr", key_hors_reseau_reason, false },
	{ "site_web", key_site_web, false },
	{ "telephone", key_telephone, false },
};

#define ROW_KEYS (sizeof row_keys / sizeof row_keys[0])

/* ---- lines -------------------------------------------------------------- */

static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		s[--n] = '\0';
	return s;
}

/* A row that only notes. */
static int
end_note(struct parser *p)
{
	const struct row *r = p->row;

	if (r->priority != 0 || r->reason != NULL)
		return fail(p, "only notes",
		    "leave priority and reason_fr out, or add targets");
	return 0;
}

/* A row is whole: what it needs is there. */
static int
end_row(struct parser *p)
{
	struct row *r = p->row;

	if (r == NULL)
		return 0;
	p->line = r->line;
	for (size_t i = 0; i < ROW_KEYS; i++)
		if (row_keys[i].required && (r->seen & 1u << i) == 0) {
			p->key = row_keys[i].name;
			return fail(p, "is missing",
			    "a row needs conditions, legal_source, and "
			    "targets, forbids, hors_reseau_fr or note_fr");
		}
	p->key = NULL;
	if (r->n_targets == 0 && r->hors_reseau == NULL && r->note == NULL)
		return fail(p, "gives, forbids and notes nothing",
		    "add targets, forbids, hors_reseau_fr or note_fr");
	if (r->n_targets == 0 && r->hors_reseau == NULL)
		return end_note(p);
	if (r->reason == NULL)
		return fail(p, "has no reason_fr",
		    "say in one sentence why these bodies");
	if (r->hors_reseau_reason != NULL && r->hors_reseau == NULL)
		return fail(p, "has a reason for no answer",
		    "add hors_reseau_fr, or leave hors_reseau_reason_fr out");
	if (r->forbids && (r->hors_reseau != NULL || r->priority != 0))
		return fail(p, "forbids and gives",
		    "a row with forbids has no priority and no "
		    "hors_reseau_fr");
	if (!r->forbids && r->priority == 0)
		return fail(p, "has no priority",
		    "give a number from 1 (first) to 999");
	return 0;
}

static int
start_row(struct parser *p, char *name)
{
	static const char remedy[] = "name a row [R04a], or [R04a.2] for a "
				     "further row of a rule; each once";
	struct referral_rules *r = p->rules;
	size_t len = strlen(name), id;
	unsigned line = p->line;

	if (end_row(p) < 0)
		return -1;
	p->line = line;
	p->row = NULL;
	if (len < 2 || name[len - 1] != ']')
		return fail_word(p, name, "is not a section", remedy);
	name[len - 1] = '\0';
	name++;
	len = strlen(name);
	id = strcspn(name, ".");
	if (id == 0 || len > ROW_NAME_MAX ||
	    strspn(name,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.") !=
		len)
		return fail_word(p, name, "is not the name of a row", remedy);
	for (size_t i = 0; i < r->n_rows; i++)
		if (strcmp(r->rows[i].name, name) == 0)
			return fail_word(p, name, "stands twice", remedy);
	if (r->n_rows == ROWS_MAX)
		return fail(p, "too many rows", "at most 200");
	p->row = &r->rows[r->n_rows++];
	p->row->name = name;
	p->row->line = p->line;
	p->row->count = 1;
	p->row->site_web = p->row->telephone = "";
	memcpy(p->row->rule_id, name, id);
	return 0;
}

static int
read_key(struct parser *p, char *line)
{
	char *value = strchr(line, '=');

	p->key = NULL;
	if (value == NULL)
		return fail_word(p, line, "is neither [row] nor key = value",
		    "comments start with #");
	*value++ = '\0';
	line = trim(line);
	value = trim(value);
	if (p->row == NULL)
		return fail_word(p, line, "stands before the first row",
		    "start with [name of a row]");
	for (size_t i = 0; i < ROW_KEYS; i++) {
		if (strcmp(row_keys[i].name, line) != 0)
			continue;
		p->key = row_keys[i].name;
		if ((p->row->seen & 1u << i) != 0)
			return fail(p, "stands twice in its row",
			    "give each key once");
		if (value[0] == '\0')
			return fail(p, "is empty",
			    "give a value, or leave "
			    "the key out");
		p->row->seen |= 1u << i;
		return row_keys[i].read(p, value);
	}
	return fail_word(p, line, "is not a key",
	    "known keys: conditions "
	    "unless targets forbids priority count legal_source reason_fr "
	    "note_fr hors_reseau_fr hors_reseau_reason_fr site_web telephone");
}

static int
read_line(struct parser *p, char *line)
{
	line = trim(line);
	p->key = NULL;
	if (line[0] == '\0' || line[0] == '#')
		return 0;
	return line[0] == '[' ? start_row(p, line) : read_key(p, line);
}

/* Some row answers whatever the question and whoever is left: no answer is
 * ever empty. */
static int
check_last_resort(struct parser *p)
{
	const struct referral_rules *r = p->rules;

	for (size_t i = 0; i < r->n_rows; i++) {
		const struct row *row = &r->rows[i];
		bool always =
		    row->n_conditions == 0 ||
		    (row->n_conditions == 1 &&
			row->conditions[0].field == ROW_SANS_REPONSE &&
			row->conditions[0].values == BIT_YES);

		if (always && row->n_unless == 0 && row->hors_reseau != NULL)
			return 0;
	}
	p->row = NULL;
	p->key = NULL;
	return fail(p, "no row answers when no other does",
	    "add a row with "
	    "conditions = sans_reponse:oui and hors_reseau_fr");
}

static int
read_lines(struct parser *p, size_t len)
{
	char *at = p->rules->text, *end = at + len;

	while (at < end) {
		char *stop = memchr(at, '\n', (size_t)(end - at));

		if (stop == NULL)
			stop = end;
		*stop = '\0';
		p->line++;
		if (strlen(at) != (size_t)(stop - at) ||
		    strchr(at, '\r') != NULL ||
		    !fold_is_utf8(at, (size_t)(stop - at))) {
			p->key = NULL;
			return fail(p, "holds a byte that is not text",
			    "use UTF-8 and LF");
		}
		if (read_line(p, at) < 0)
			return -1;
		at = stop + 1;
	}
	return end_row(p) < 0 ? -1 : check_last_resort(p);
}

struct referral_rules *
referral_rules_new(const char *name, const char *bytes, size_t len,
    code_known_fn *known, const struct vocabularies *vocabularies,
    struct err *e)
{
	struct parser p = { .name = name,
		.known = known,
		.vocabularies = vocabularies,
		.err = e };

	if (len > TEXT_BYTES_MAX) {
		err_set(e, ERR_INVALID, "%s: %zu bytes", name, len);
		err_remedy(e, "at most %u bytes", TEXT_BYTES_MAX);
		return NULL;
	}
	p.rules = calloc(1, sizeof *p.rules);
	if (p.rules == NULL ||
	    (p.rules->rows = calloc(ROWS_MAX, sizeof *p.rules->rows)) == NULL ||
	    (p.rules->text = malloc(len + 1)) == NULL) {
		referral_rules_free(p.rules);
		err_set(e, ERR_NOMEM, "%s", name);
		return NULL;
	}
	if (len > 0)
		memcpy(p.rules->text, bytes, len);
	p.rules->text[len] = '\0';
	if (read_lines(&p, len) < 0) {
		referral_rules_free(p.rules);
		return NULL;
	}
	return p.rules;
}

void
referral_rules_free(struct referral_rules *r)
{
	if (r == NULL)
		return;
	free(r->rows);
	free(r->text);
	free(r);
}

size_t
referral_rules_count(const struct referral_rules *r)
{
	return r->n_rows;
}

const char *
referral_rules_row(const struct referral_rules *r, size_t i)
{
	return i < r->n_rows ? r->rows[i].name : NULL;
}

size_t
referral_targets(const struct referral_rules *r)
{
	return r->n_targets;
}

const struct target *
referral_target(const struct referral_rules *r, size_t i)
{
	return i < r->n_targets ? &r->targets[i] : NULL;
}
