/* territory.c - see territory.h. */
#include "domain/territory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/fold.h"

#define COMMUNES_MAX 60000
#define ZONES_MAX 10000
#define FIELDS_MAX 10
#define TEXT_MAX 256     /* of a text to resolve, bytes */
#define PREFIX_LETTERS 3 /* from which a beginning of a name counts */

/* One thing that a text may be, folded; the array is sorted by text. */
struct key {
	const char *text;
	const char *matched; /* as the table has it */
	uint16_t commune;
	uint8_t kind; /* enum match_kind */
};

struct zone_set {
	struct zone zone;     /* first: a zone given out is a zone_set */
	const uint64_t *bits; /* one a commune, or NULL: `only` */
	size_t words;         /* of bits */
	uint16_t only;
};

struct territory {
	char *communes_text, *anciens_text, *zones_text; /* cut into fields */
	char *folded;                                    /* texts of keys */
	size_t folded_used;

	struct commune *communes;
	size_t n_communes;
	uint16_t *slots; /* code -> index + 1, open addressing */
	size_t n_slots;  /* a power of two */

	struct key *keys;
	size_t n_keys, max_keys;
	const char **former; /* names, one commune behind the other */
	uint32_t *former_at; /* by index of commune, and one more */

	struct zone_set *zones;
	size_t n_zones;
	uint64_t *bits;
	size_t words;             /* of one zone's bits */
	struct zone_set *singles; /* com: zones, one a commune */
	char (*single_codes)[4 + COMMUNE_CODE_LEN + 1];
};

/* ---- reading a table ---------------------------------------------------- */

struct table {
	const char *name;
	char *at, *end; /* of the writable copy; *end is NUL */
	unsigned line;  /* of the row last read */
	const char *const *columns;
	size_t n;
};

static int
table_fail(const struct table *t, const char *column, const char *remedy,
    const char *what, struct err *e)
{
	err_set(e, ERR_INVALID, "%s:%u: %s: %s", t->name, t->line, column,
	    what);
	err_field(e, column);
	err_reason(e, "TERRITORY_TABLE");
	return err_remedy(e, "%s", remedy);
}

/* Cut the next row in place.  1, 0 at the end, -1. */
static int
table_row(struct table *t, char **fields, struct err *e)
{
	char *line = t->at, *stop;
	size_t n = 0;

	if (line == t->end)
		return 0;
	t->line++;
	stop = memchr(line, '\n', (size_t)(t->end - line));
	if (stop == NULL)
		return table_fail(t, "line", "end every line with LF",
		    "the last line is cut", e);
	*stop = '\0';
	t->at = stop + 1;
	if (strlen(line) != (size_t)(stop - line) ||
	    strpbrk(line, "\r\"\t") != NULL ||
	    !fold_is_utf8(line, (size_t)(stop - line)))
		return table_fail(t, "line",
		    "use UTF-8, LF, `;` between fields, no quotes",
		    "holds a byte that the format has not", e);
	for (char *next = line; next != NULL && n < t->n; n++) {
		fields[n] = next;
		next = strchr(next, ';');
		if (next != NULL)
			*next++ = '\0';
		else if (n + 1 < t->n)
			return table_fail(t, t->columns[n + 1],
			    "give every column, empty if need be", "is missing",
			    e);
		if (next != NULL && n + 1 == t->n)
			return table_fail(t, "line",
			    "give the columns of "
			    "the header and no more",
			    "has a column too many", e);
	}
	return 1;
}

static int
table_open(struct table *t, const struct table_bytes *from, char **copy,
    const char *const *columns, size_t n, struct err *e)
{
	char *fields[FIELDS_MAX];
	int rc;

	*t = (struct table){ .name = from->name, .columns = columns, .n = n };
	*copy = malloc(from->len + 1);
	if (*copy == NULL)
		return err_set(e, ERR_NOMEM, "%s", from->name);
	if (from->len > 0)
		memcpy(*copy, from->data, from->len);
	(*copy)[from->len] = '\0';
	t->at = *copy;
	t->end = *copy + from->len;
	rc = table_row(t, fields, e);
	if (rc < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (rc == 0 || strcmp(fields[i], columns[i]) != 0)
			return table_fail(t, columns[i],
			    "see the README of the tables for the header",
			    "is not in the header at its place", e);
	return 0;
}

static size_t
lines_of(const struct table_bytes *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->len; i++)
		n += b->data[i] == '\n';
	return n;
}

/* Letters and digits only, `min` to `max` of them. */
static bool
is_code(const char *s, size_t min, size_t max)
{
	size_t n = strspn(s, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return s[n] == '\0' && n >= min && n <= max;
}

static int
read_number(const char *s, double low, double high, double *out)
{
	char *end;

	if (s[0] == '\0' || s[strspn(s, "-0123456789.")] != '\0')
		return -1;
	*out = strtod(s, &end);
	return *end == '\0' && *out >= low && *out <= high ? 0 : -1;
}

/* ---- keys --------------------------------------------------------------- */

static int
add_key(struct territory *t, const char *text, enum match_kind kind,
    uint16_t commune, struct err *e)
{
	struct key *k;

	if (t->n_keys == t->max_keys) {
		size_t max = t->max_keys > 0 ? 2 * t->max_keys : 4096;

		k = realloc(t->keys, max * sizeof *k);
		if (k == NULL)
			return err_set(e, ERR_NOMEM, "territories");
		t->keys = k;
		t->max_keys = max;
	}
	k = &t->keys[t->n_keys++];
	*k = (struct key){ .matched = text,
		.commune = commune,
		.kind = (uint8_t)kind };
	k->text = t->folded + t->folded_used;
	t->folded_used +=
	    fold_text(text, strlen(text), t->folded + t->folded_used) + 1;
	return 0;
}

static int
compare_keys(const void *x, const void *y)
{
	const struct key *a = x, *b = y;
	int order = strcmp(a->text, b->text);

	if (order != 0)
		return order;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return (a->commune > b->commune) - (a->commune < b->commune);
}

/* The first key whose text is not before `text`. */
static size_t
first_key(const struct territory *t, const char *text)
{
	size_t low = 0, high = t->n_keys;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(t->keys[mid].text, text) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Once the keys are sorted: the former names, by commune. */
static int
index_former(struct territory *t, struct err *e)
{
	uint32_t *end = calloc(t->n_communes + 2, sizeof *end);
	size_t n = 0;

	t->former_at = end;
	for (size_t i = 0; end != NULL && i < t->n_keys; i++)
		if (t->keys[i].kind == MATCH_FORMER_NAME) {
			end[t->keys[i].commune + 2]++;
			n++;
		}
	t->former = malloc((n + 1) * sizeof(*t->former));
	if (end == NULL || t->former == NULL)
		return err_set(e, ERR_NOMEM, "territories");
	for (size_t i = 2; i < t->n_communes + 2; i++)
		end[i] += end[i - 1];
	for (size_t i = 0; i < t->n_keys; i++)
		if (t->keys[i].kind == MATCH_FORMER_NAME)
			t->former[end[t->keys[i].commune + 1]++] =
			    t->keys[i].matched;
	return 0;
}

const char *
territory_former_name(const struct territory *t, const struct commune *c,
    size_t i)
{
	uint32_t at = t->former_at[c->index];

	return at + i < t->former_at[c->index + 1] ? t->former[at + i] : NULL;
}

/* ---- codes -------------------------------------------------------------- */

static size_t
hash_code(const char *code)
{
	uint64_t h = 0;

	for (size_t i = 0; i < COMMUNE_CODE_LEN; i++)
		h = h << 8 | (unsigned char)code[i];
	h *= 0x9E3779B97F4A7C15u;
	return (size_t)(h >> 32);
}

static int
index_codes(struct territory *t, struct err *e)
{
	for (t->n_slots = 64; t->n_slots < 3 * t->n_communes;)
		t->n_slots *= 2;
	t->slots = calloc(t->n_slots, sizeof *t->slots);
	if (t->slots == NULL)
		return err_set(e, ERR_NOMEM, "territories");
	for (size_t i = 0; i < t->n_communes; i++) {
		size_t at = hash_code(t->communes[i].code);

		for (at &= t->n_slots - 1; t->slots[at] != 0;)
			at = (at + 1) & (t->n_slots - 1);
		t->slots[at] = (uint16_t)(i + 1);
	}
	return 0;
}

const struct commune *
territory_commune(const struct territory *t, const char *code)
{
	size_t at;

	if (strnlen(code, COMMUNE_CODE_LEN + 1) != COMMUNE_CODE_LEN)
		return NULL;
	at = hash_code(code) & (t->n_slots - 1);
	for (; t->slots[at] != 0; at = (at + 1) & (t->n_slots - 1)) {
		const struct commune *c = &t->communes[t->slots[at] - 1];

		if (memcmp(c->code, code, COMMUNE_CODE_LEN) == 0)
			return c;
	}
	return NULL;
}

const struct commune *
territory_former(const struct territory *t, const char *code)
{
	const struct commune *c = territory_commune(t, code);
	char folded[COMMUNE_CODE_LEN + 1];

	if (c != NULL ||
	    strnlen(code, COMMUNE_CODE_LEN + 1) != COMMUNE_CODE_LEN)
		return c;
	fold_text(code, COMMUNE_CODE_LEN, folded);
	for (size_t i = first_key(t, folded);
	     i < t->n_keys && strcmp(t->keys[i].text, folded) == 0; i++)
		if (t->keys[i].kind == MATCH_FORMER_CODE)
			return &t->communes[t->keys[i].commune];
	return NULL;
}

size_t
territory_count(const struct territory *t)
{
	return t->n_communes;
}

const struct commune *
territory_at(const struct territory *t, size_t index)
{
	return index < t->n_communes ? &t->communes[index] : NULL;
}

const char *
territory_millesime(const struct territory *t)
{
	return t->zones[0].zone.millesime;
}

/* ---- communes.csv ------------------------------------------------------- */

enum commune_column {
	COL_CODE,
	COL_NOM,
	COL_DEPARTEMENT,
	COL_ARRONDISSEMENT,
	COL_EPCI,
	COL_POSTAUX,
	COL_LATITUDE,
	COL_LONGITUDE,
	COL_POSITION,
	COL_POPULATION,
	COMMUNE_COLUMNS
};

static const char *const commune_columns[] = { "code", "nom", "departement",
	"arrondissement", "epci", "codes_postaux", "latitude", "longitude",
	"position", "population" };

static int
read_place(const struct table *in, char **f, struct commune *c, struct err *e)
{
	double latitude, longitude, population;

	if (read_number(f[COL_LATITUDE], -90, 90, &latitude) < 0)
		return table_fail(in, "latitude", "give degrees, -90 to 90",
		    "is not a latitude", e);
	if (read_number(f[COL_LONGITUDE], -180, 180, &longitude) < 0)
		return table_fail(in, "longitude", "give degrees, -180 to 180",
		    "is not a longitude", e);
	if (strcmp(f[COL_POSITION], "exacte") != 0 &&
	    strcmp(f[COL_POSITION], "estimee") != 0)
		return table_fail(in, "position", "write exacte or estimee",
		    "is neither", e);
	if (read_number(f[COL_POPULATION], 0, 1e9, &population) < 0)
		return table_fail(in, "population", "give a whole number",
		    "is not a number of inhabitants", e);
	c->position = geo_point(latitude, longitude);
	c->estimated = strcmp(f[COL_POSITION], "estimee") == 0;
	c->population = (uint32_t)population;
	return 0;
}

static int
read_postal_codes(struct territory *t, const struct table *in, char *list,
    uint16_t commune, struct err *e)
{
	char *rest = NULL;

	for (char *code = strtok_r(list, " ", &rest); code != NULL;
	     code = strtok_r(NULL, " ", &rest)) {
		if (!is_code(code, 5, 5))
			return table_fail(in, "codes_postaux",
			    "give codes of 5 digits, one space between",
			    "is not a list of postal codes", e);
		if (add_key(t, code, MATCH_POSTAL_CODE, commune, e) < 0)
			return -1;
	}
	return 0;
}

static int
read_commune(struct territory *t, const struct table *in, char **f,
    struct err *e)
{
	struct commune *c = &t->communes[t->n_communes];

	if (!is_code(f[COL_CODE], COMMUNE_CODE_LEN, COMMUNE_CODE_LEN))
		return table_fail(in, "code", "give 5 digits",
		    "is not an INSEE code", e);
	if (t->n_communes > 0 && strcmp(c[-1].code, f[COL_CODE]) >= 0)
		return table_fail(in, "code",
		    "sort the rows by code, each "
		    "code once",
		    "does not come after the row before", e);
	if (f[COL_NOM][0] == '\0' || strlen(f[COL_NOM]) > 100)
		return table_fail(in, "nom", "give 1 to 100 bytes",
		    "is empty or too long", e);
	if (!is_code(f[COL_DEPARTEMENT], 2, 3))
		return table_fail(in, "departement", "give 2 or 3 digits",
		    "is not a code of département", e);
	if (!is_code(f[COL_ARRONDISSEMENT], 3, 4))
		return table_fail(in, "arrondissement", "give 3 or 4 digits",
		    "is not a code of arrondissement", e);
	if (!is_code(f[COL_EPCI], 9, 9))
		return table_fail(in, "epci", "give the SIREN, 9 digits",
		    "is not a SIREN", e);
	memcpy(c->code, f[COL_CODE], strlen(f[COL_CODE]));
	strcpy(c->departement, f[COL_DEPARTEMENT]);
	strcpy(c->arrondissement, f[COL_ARRONDISSEMENT]);
	strcpy(c->epci, f[COL_EPCI]);
	c->nom = f[COL_NOM];
	c->index = (uint16_t)t->n_communes;
	if (read_place(in, f, c, e) < 0 ||
	    add_key(t, f[COL_CODE], MATCH_CODE, c->index, e) < 0 ||
	    add_key(t, f[COL_NOM], MATCH_NAME, c->index, e) < 0)
		return -1;
	t->n_communes++;
	return read_postal_codes(t, in, f[COL_POSTAUX], c->index, e);
}

static int
read_communes(struct territory *t, const struct table_bytes *from,
    struct err *e)
{
	struct table in;
	char *fields[FIELDS_MAX];
	size_t lines = lines_of(from);
	int rc;

	if (lines < 2 || lines > COMMUNES_MAX) {
		err_set(e, ERR_INVALID, "%s: %zu lines", from->name, lines);
		return err_remedy(e, "give a header and 1 to %d communes",
		    COMMUNES_MAX - 1);
	}
	t->communes = calloc(lines, sizeof *t->communes);
	if (t->communes == NULL)
		return err_set(e, ERR_NOMEM, "%s", from->name);
	if (table_open(&in, from, &t->communes_text, commune_columns,
		COMMUNE_COLUMNS, e) < 0)
		return -1;
	while ((rc = table_row(&in, fields, e)) == 1)
		if (read_commune(t, &in, fields, e) < 0)
			return -1;
	return rc < 0 ? -1 : index_codes(t, e);
}

/* ---- anciens.csv -------------------------------------------------------- */

static const char *const former_columns[] = { "ancien_code", "nom", "code" };

static int
read_anciens(struct territory *t, const struct table_bytes *from, struct err *e)
{
	struct table in;
	char *f[FIELDS_MAX];
	int rc;

	if (table_open(&in, from, &t->anciens_text, former_columns, 3, e) < 0)
		return -1;
	while ((rc = table_row(&in, f, e)) == 1) {
		const struct commune *c = territory_commune(t, f[2]);

		if (c == NULL)
			return table_fail(&in, "code",
			    "give the code of a row of the communes",
			    "is not a current commune", e);
		if (!is_code(f[0], COMMUNE_CODE_LEN, COMMUNE_CODE_LEN))
			return table_fail(&in, "ancien_code", "give 5 digits",
			    "is not an INSEE code", e);
		if (add_key(t, f[0], MATCH_FORMER_CODE, c->index, e) < 0 ||
		    add_key(t, f[1], MATCH_FORMER_NAME, c->index, e) < 0)
			return -1;
	}
	return rc;
}

/* ---- zones.csv ---------------------------------------------------------- */

static const char *const zone_columns[] = { "zone", "nom", "millesime",
	"composition" };

static bool
has_bit(const uint64_t *bits, size_t i)
{
	return (bits[i / 64] >> (i % 64) & 1) != 0;
}

static const char *
reg_of(const struct commune *c)
{
	(void)c;
	return NULL; /* every commune of the table is of the region */
}

static const char *
dep_of(const struct commune *c)
{
	return c->departement;
}

static const char *
arr_of(const struct commune *c)
{
	return c->arrondissement;
}

static const char *
epci_of(const struct commune *c)
{
	return c->epci;
}

/* The types of zone that a commune's own columns make. */
static const struct division {
	const char *prefix;
	const char *column;
	const char *(*of)(const struct commune *);
} divisions[] = {
	{ "reg:", "code", reg_of },
	{ "dep:", "departement", dep_of },
	{ "arr:", "arrondissement", arr_of },
	{ "epci:", "epci", epci_of },
};

#define DIVISIONS (sizeof divisions / sizeof divisions[0])

static const struct division *
division_of(const char *zone)
{
	for (size_t i = 0; i < DIVISIONS; i++)
		if (strncmp(zone, divisions[i].prefix,
			strlen(divisions[i].prefix)) == 0)
			return &divisions[i];
	return NULL;
}

static void
fill_division(const struct territory *t, const struct division *d,
    const char *code, uint64_t *bits)
{
	const char *value = code + strlen(d->prefix);

	for (size_t i = 0; i < t->n_communes; i++) {
		const char *own = d->of(&t->communes[i]);

		if (own == NULL || strcmp(own, value) == 0)
			bits[i / 64] |= UINT64_C(1) << (i % 64);
	}
}

/* The union of the zones that a composition names; each stands before. */
static int
fill_composition(const struct territory *t, const struct table *in,
    char *composition, uint64_t *bits, struct err *e)
{
	char *rest = NULL;

	for (char *part = strtok_r(composition, " ", &rest); part != NULL;
	     part = strtok_r(NULL, " ", &rest)) {
		const struct zone *z = territory_zone(t, part);

		if (z == NULL)
			return table_fail(in, "composition",
			    "name zones of the rows above, or com:, "
			    "separated by spaces",
			    part, e);
		for (size_t i = 0; i < t->n_communes; i++)
			if (zone_contains(z, &t->communes[i]))
				bits[i / 64] |= UINT64_C(1) << (i % 64);
	}
	return 0;
}

/* A type in lower case, a colon, a code. */
static bool
is_zone_code(const char *s)
{
	size_t type = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return type > 0 && s[type] == ':' && strlen(s) <= ZONE_CODE_MAX &&
	       is_code(s + type + 1, 1, ZONE_CODE_MAX) &&
	       strncmp(s, "com:", 4) != 0;
}

static int
read_zone(struct territory *t, const struct table *in, char **f, struct err *e)
{
	struct zone_set *z = &t->zones[t->n_zones];
	uint64_t *bits = t->bits + t->n_zones * t->words;
	const struct division *d = division_of(f[0]);

	if (!is_zone_code(f[0]))
		return table_fail(in, "zone",
		    "write type:code, as dep:14 "
		    "(com: zones need no row)",
		    "is not a typed code", e);
	if (territory_zone(t, f[0]) != NULL)
		return table_fail(in, "zone", "give each zone once",
		    "stands twice", e);
	if (f[1][0] == '\0' || f[2][0] == '\0' || strlen(f[2]) > 10)
		return table_fail(in, f[1][0] == '\0' ? "nom" : "millesime",
		    "give a name, and a millésime of at most 10 bytes",
		    "is empty or too long", e);
	if (f[3][0] != '\0') {
		if (fill_composition(t, in, f[3], bits, e) < 0)
			return -1;
	} else if (d != NULL) {
		fill_division(t, d, f[0], bits);
	} else {
		return table_fail(in, "composition",
		    "name the zones that "
		    "make it, separated by spaces",
		    "is empty", e);
	}
	z->zone = (struct zone){ .code = f[0], .nom = f[1], .millesime = f[2] };
	z->bits = bits;
	z->words = t->words;
	for (size_t i = 0; i < t->words; i++)
		z->zone.communes += (unsigned)__builtin_popcountll(bits[i]);
	if (z->zone.communes == 0)
		return table_fail(in, "zone",
		    "name a zone that some "
		    "commune is in",
		    "holds no commune", e);
	t->n_zones++;
	return 0;
}

/* Every commune's columns name zones that exist. */
static int
check_divisions(const struct territory *t, const char *table, struct err *e)
{
	for (size_t i = 0; i < t->n_communes; i++)
		for (size_t d = 0; d < DIVISIONS; d++) {
			const char *own = divisions[d].of(&t->communes[i]);
			char code[ZONE_CODE_MAX + 1];

			if (own == NULL)
				continue;
			(void)snprintf(code, sizeof code, "%s%s",
			    divisions[d].prefix, own);
			if (territory_zone(t, code) != NULL)
				continue;
			err_set(e, ERR_INVALID,
			    "%s:%zu: %s: there is no zone "
			    "%s",
			    table, i + 2, divisions[d].column, code);
			err_field(e, divisions[d].column);
			err_reason(e, "TERRITORY_TABLE");
			return err_remedy(e, "add the zone to the zones, or "
					     "correct the commune");
		}
	return 0;
}

static int
make_singles(struct territory *t, struct err *e)
{
	t->singles = calloc(t->n_communes, sizeof *t->singles);
	t->single_codes = calloc(t->n_communes, sizeof *t->single_codes);
	if (t->singles == NULL || t->single_codes == NULL)
		return err_set(e, ERR_NOMEM, "territories");
	for (size_t i = 0; i < t->n_communes; i++) {
		struct zone_set *z = &t->singles[i];

		memcpy(t->single_codes[i], "com:", 4);
		strcpy(t->single_codes[i] + 4, t->communes[i].code);
		z->only = (uint16_t)i;
		z->zone = (struct zone){ .code = t->single_codes[i],
			.nom = t->communes[i].nom,
			.millesime = "",
			.communes = 1 };
	}
	return 0;
}

static int
read_zones(struct territory *t, const struct table_bytes *from, struct err *e)
{
	struct table in;
	char *fields[FIELDS_MAX];
	size_t lines = lines_of(from);
	int rc;

	if (lines < 2 || lines > ZONES_MAX) {
		err_set(e, ERR_INVALID, "%s: %zu lines", from->name, lines);
		return err_remedy(e, "give a header and 1 to %d zones",
		    ZONES_MAX - 1);
	}
	t->words = (t->n_communes + 63) / 64;
	t->zones = calloc(lines, sizeof *t->zones);
	t->bits = calloc(lines * t->words, sizeof *t->bits);
	if (t->zones == NULL || t->bits == NULL)
		return err_set(e, ERR_NOMEM, "%s", from->name);
	if (make_singles(t, e) < 0 ||
	    table_open(&in, from, &t->zones_text, zone_columns, 4, e) < 0)
		return -1;
	while ((rc = table_row(&in, fields, e)) == 1)
		if (read_zone(t, &in, fields, e) < 0)
			return -1;
	for (size_t i = 0; i < t->n_communes; i++)
		t->singles[i].zone.millesime = t->zones[0].zone.millesime;
	return rc;
}

const struct zone *
territory_next_zone(const struct territory *t, const char *type, size_t *at)
{
	size_t len = type != NULL ? strlen(type) : 0;

	while (*at < t->n_zones) {
		const struct zone *z = &t->zones[(*at)++].zone;

		if (len == 0 ||
		    (strncmp(z->code, type, len) == 0 && z->code[len] == ':'))
			return z;
	}
	return NULL;
}

const struct zone *
territory_zone(const struct territory *t, const char *code)
{
	char typed[ZONE_CODE_MAX + 1];
	const char *colon;

	if (strnlen(code, ZONE_CODE_MAX + 1) > ZONE_CODE_MAX)
		return NULL;
	colon = strchr(code, ':');
	if (strncmp(code, "com:", 4) == 0 ||
	    (colon == NULL && strlen(code) == COMMUNE_CODE_LEN)) {
		const struct commune *c =
		    territory_commune(t, colon != NULL ? colon + 1 : code);

		return c != NULL ? &t->singles[c->index].zone : NULL;
	}
	if (colon == NULL && strlen(code) <= 3) {
		(void)snprintf(typed, sizeof typed, "dep:%s", code);
		code = typed;
	}
	for (size_t i = 0; i < t->n_zones; i++)
		if (strcmp(t->zones[i].zone.code, code) == 0)
			return &t->zones[i].zone;
	return NULL;
}

int
territory_check_zone(const struct territory *t, const char *field,
    const char *code, struct err *e)
{
	if (territory_zone(t, code) != NULL)
		return 0;
	err_set(e, ERR_INVALID,
	    "%s: %.60s is not a zone of the register's "
	    "territory",
	    field, code);
	err_field(e, field);
	err_reason(e, "ZONE_UNKNOWN");
	return err_remedy(e, "give com:14118, epci:200065597, arr:142, dep:14, "
			     "catef:142 or reg:28 (resopro territory zones)");
}

bool
territory_has_zone_type(const struct territory *t, const char *type)
{
	size_t at = 0;

	return strcmp(type, "com") == 0 ||
	       (type[0] != '\0' && territory_next_zone(t, type, &at) != NULL);
}

bool
zone_contains(const struct zone *z, const struct commune *c)
{
	const struct zone_set *set = (const struct zone_set *)z;

	if (z == NULL || c == NULL)
		return false;
	return set->bits != NULL ? has_bit(set->bits, c->index)
				 : set->only == c->index;
}

bool
zones_meet(const struct zone *a, const struct zone *b)
{
	const struct zone_set *x = (const struct zone_set *)a;
	const struct zone_set *y = (const struct zone_set *)b;

	if (a == NULL || b == NULL)
		return false;
	if (x->bits == NULL && y->bits == NULL)
		return x->only == y->only;
	if (x->bits == NULL)
		return has_bit(y->bits, x->only);
	if (y->bits == NULL)
		return has_bit(x->bits, y->only);
	for (size_t i = 0; i < x->words; i++)
		if ((x->bits[i] & y->bits[i]) != 0)
			return true;
	return false;
}

/* ---- resolve ------------------------------------------------------------ */

/* Does a folded qualifier name this département, by code or by name? */
static bool
names_departement(const struct zone *z, const char *qualifier)
{
	char folded[TEXT_MAX + 1];

	if (strcmp(z->code + strlen("dep:"), qualifier) == 0)
		return true;
	if (strlen(z->nom) > TEXT_MAX)
		return false;
	fold_text(z->nom, strlen(z->nom), folded);
	return strcmp(folded, qualifier) == 0;
}

/*
 * "Cuverville (76)", "Cuverville, Eure": the département, and the length of
 * what comes before; NULL when the text has no such end.
 */
static const struct zone *
qualifier_of(const struct territory *t, const char *text, size_t *len)
{
	char folded[TEXT_MAX + 1];
	const char *cut = strrchr(text, '(');
	const struct zone *z;
	size_t at = 0;

	if (cut == NULL)
		cut = strrchr(text, ',');
	if (cut == NULL)
		return NULL;
	fold_text(cut, strlen(cut), folded);
	while ((z = territory_next_zone(t, "dep", &at)) != NULL)
		if (names_departement(z, folded)) {
			*len = (size_t)(cut - text);
			return z;
		}
	return NULL;
}

struct search {
	const struct territory *territory;
	const struct zone *within; /* or NULL: everywhere */
	struct match *out;
	size_t room, n;
};

static bool
match_before(const struct match *a, const struct match *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind;
	return a->commune->index < b->commune->index;
}

/* Keep the matches sorted; the last falls off when there is no room. */
static void
insert_match(struct search *s, const struct match *m)
{
	size_t at = s->n < s->room ? s->n : s->room;

	s->n++;
	if (at == s->room && (at == 0 || !match_before(m, &s->out[at - 1])))
		return;
	if (at == s->room)
		at--;
	for (; at > 0 && match_before(m, &s->out[at - 1]); at--)
		s->out[at] = s->out[at - 1];
	s->out[at] = *m;
}

static bool
is_name(const struct key *k)
{
	return k->kind == MATCH_NAME || k->kind == MATCH_FORMER_NAME;
}

/* Is this key the best of its commune in the range [first, end)? */
static bool
is_best(const struct territory *t, size_t first, size_t end, size_t at,
    bool names)
{
	const struct key *k = &t->keys[at];

	for (size_t i = first; i < end; i++) {
		const struct key *o = &t->keys[i];

		if (i == at || o->commune != k->commune ||
		    (names && !is_name(o)))
			continue;
		if (o->kind < k->kind || (o->kind == k->kind && i < at))
			return false;
	}
	return true;
}

static void
search_range(struct search *s, size_t first, size_t end, bool names)
{
	const struct territory *t = s->territory;

	for (size_t i = first; i < end; i++) {
		const struct key *k = &t->keys[i];
		struct match m = { .commune = &t->communes[k->commune],
			.kind = k->kind,
			.matched = k->matched };

		if ((names && !is_name(k)) ||
		    (s->within != NULL &&
			!zone_contains(s->within, m.commune)) ||
		    !is_best(t, first, end, i, names))
			continue;
		insert_match(s, &m);
	}
}

static size_t
end_of_range(const struct territory *t, size_t first, const char *text,
    size_t len)
{
	while (
	    first < t->n_keys && strncmp(t->keys[first].text, text, len) == 0)
		first++;
	return first;
}

size_t
territory_resolve(const struct territory *t, const char *text,
    struct match *out, size_t room)
{
	struct search s = { .territory = t, .out = out, .room = room };
	char folded[TEXT_MAX + 1];
	size_t len = strnlen(text, TEXT_MAX + 1), first;

	if (len > TEXT_MAX)
		return 0;
	s.within = qualifier_of(t, text, &len);
	len = fold_text(text, len, folded);
	if (len == 0)
		return 0;
	first = first_key(t, folded);
	search_range(&s, first, end_of_range(t, first, folded, len + 1), false);
	if (s.n == 0 && len >= PREFIX_LETTERS)
		search_range(&s, first, end_of_range(t, first, folded, len),
		    true);
	return s.n;
}

/* ---- distance ----------------------------------------------------------- */

enum distance_class
commune_distance_class(const struct commune *a, const struct commune *b)
{
	if (a == NULL || b == NULL)
		return DISTANCE_NOWHERE;
	if (strcmp(a->code, b->code) == 0)
		return DISTANCE_COMMUNE;
	if (strcmp(a->epci, b->epci) == 0)
		return DISTANCE_EPCI;
	if (strcmp(a->arrondissement, b->arrondissement) == 0)
		return DISTANCE_ARRONDISSEMENT;
	if (strcmp(a->departement, b->departement) == 0)
		return DISTANCE_DEPARTEMENT;
	return DISTANCE_REGION;
}

uint32_t
commune_distance_m(const struct commune *a, const struct commune *b)
{
	if (a == NULL || b == NULL)
		return 0;
	return geo_distance_m(&a->position, &b->position);
}

/* ---- build -------------------------------------------------------------- */

struct territory *
territory_new(const struct table_bytes *communes,
    const struct table_bytes *anciens, const struct table_bytes *zones,
    struct err *e)
{
	struct territory *t = calloc(1, sizeof *t);

	/* A fold is no longer than its field, whose separator gives the NUL. */
	if (t == NULL ||
	    (t->folded = malloc(communes->len + anciens->len + 2)) == NULL) {
		err_set(e, ERR_NOMEM, "territories");
		territory_free(t);
		return NULL;
	}
	if (read_communes(t, communes, e) < 0 ||
	    read_anciens(t, anciens, e) < 0 || read_zones(t, zones, e) < 0 ||
	    check_divisions(t, communes->name, e) < 0) {
		territory_free(t);
		return NULL;
	}
	qsort(t->keys, t->n_keys, sizeof *t->keys, compare_keys);
	if (index_former(t, e) < 0) {
		territory_free(t);
		return NULL;
	}
	return t;
}

void
territory_free(struct territory *t)
{
	if (t == NULL)
		return;
	free(t->communes_text);
	free(t->anciens_text);
	free(t->zones_text);
	free(t->folded);
	free(t->communes);
	free(t->slots);
	free(t->keys);
	free(t->former);
	free(t->former_at);
	free(t->zones);
	free(t->bits);
	free(t->singles);
	free(t->single_codes);
	free(t);
}
