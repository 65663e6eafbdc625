/* config.c - the table of options and what reads it; see config.h. */
#include "config.h"

#include "net/address.h"

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#ifndef RESOPRO_DATADIR
#define RESOPRO_DATADIR "/usr/local/share/resopro"
#endif

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)
#define SECOND UINT64_C(1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define COUNT_MAX UINT64_C(1000000000)
#define FRESH_DAYS_MAX UINT64_C(3650)

enum option_type {
	OPT_TEXT,     /* char *: anything */
	OPT_PATH,     /* char *: absolute, or "" where the default is "" */
	OPT_ADDRESS,  /* given once for each address */
	OPT_COUNT,    /* uint64_t */
	OPT_SIZE,     /* uint64_t, bytes */
	OPT_DURATION, /* uint64_t, milliseconds */
	OPT_DAYS,     /* uint64_t, whole days */
	OPT_BOOL,     /* bool: yes or no */
	OPT_CHOICE,   /* unsigned: place of the word in `words` */
};

struct option {
	const char *section, *name;
	enum option_type type;
	size_t at;            /* offset in struct config */
	const char *fallback; /* the default, as written in the file */
	uint64_t min, max;    /* of numbers; 0 is allowed where it is said */
	const char *words;    /* of choices, space-separated */
	const char *doc;
};

#define AT(field) .at = offsetof(struct config, field)

/* An option is a row here, a field in struct config and a line in main.c;
 * file, manual and checks follow. */
static const struct option options[] = {
	{ "listen", "address", OPT_ADDRESS, AT(addresses), "127.0.0.1:7443",
	    .doc = "Numeric address and port to serve on: 192.0.2.1:7443, "
		   "[2001:db8::1]:7443, or *:7443 for all.  One line for each, "
		   "8 at most." },

	{ "tls", "cert_file", OPT_PATH, AT(tls_cert_file),
	    "/etc/resopro/pki/server.pem",
	    .doc = "PEM file: the server's certificate, then its chain." },
	{ "tls", "key_file", OPT_PATH, AT(tls_key_file),
	    "/etc/resopro/pki/server.key",
	    .doc = "PEM file: the key of that certificate." },
	{ "tls", "ca_file", OPT_PATH, AT(tls_ca_file),
	    "/etc/resopro/pki/ca.pem",
	    .doc = "PEM file: the authorities that vouch for clients." },
	{ "tls", "crl_file", OPT_PATH, AT(tls_crl_file), "",
	    .doc = "PEM file: revoked certificates.  Empty: revocation is not "
		   "checked." },
	{ "tls", "client_cert", OPT_CHOICE, AT(tls_client_cert), "requested",
	    .words = "required requested",
	    .doc = "required: without a certificate there is no handshake.  "
		   "requested: clients without one may connect and must send "
		   "an API token." },
	{ "tls", "allow_tls12", OPT_BOOL, AT(tls_allow_tls12), "no",
	    .doc = "Also speak TLS 1.2, for clients that know no better." },
	{ "tls", "sessions", OPT_COUNT, AT(tls_sessions), "8192", .min = 1,
	    .max = COUNT_MAX,
	    .doc = "TLS sessions kept in memory for resumption." },

	{ "store", "dir", OPT_PATH, AT(store_dir), "/var/lib/resopro",
	    .doc = "Directory of the register, on a local file system." },
	{ "store", "map_size", OPT_SIZE, AT(store_map_size), "64GiB",
	    .min = 16 * MIB, .max = 64 * TIB,
	    .doc = "Address space reserved for the register: the most it can "
		   "ever grow to.  The file is sparse." },
	{ "store", "quota", OPT_SIZE, AT(store_quota), "0B", .min = 0,
	    .max = 64 * TIB,
	    .doc = "Writes are refused beyond this size.  0B: map_size less a "
		   "reserve." },
	{ "store", "request_ids", OPT_COUNT, AT(store_request_ids), "200000",
	    .min = 1000, .max = 100000000,
	    .doc = "Latest request ids remembered, so that a write sent again "
		   "is done once." },
	{ "store", "prefault", OPT_BOOL, AT(store_prefault), "yes",
	    .doc = "Read the register into the page cache after the start." },

	{ "workers", "count", OPT_COUNT, AT(workers), "0", .min = 0, .max = 64,
	    .doc = "Threads that serve connections.  0: one a core." },
	{ "workers", "drain", OPT_DURATION, AT(drain_ms), "10s", .min = 0,
	    .max = HOUR, .doc = "At the end, how long open calls may go on." },

	{ "data", "dir", OPT_PATH, AT(data_dir), RESOPRO_DATADIR,
	    .doc = "Directory of territories, vocabularies, "
		   "referral-rules.conf and search-words.conf.  Read again "
		   "on SIGHUP." },

	{ "limits", "max_request_bytes", OPT_SIZE, AT(max_request_bytes),
	    "4MiB", .min = KIB, .max = GIB, .doc = "One request message." },
	{ "limits", "max_response_bytes", OPT_SIZE, AT(max_response_bytes),
	    "16MiB", .min = KIB, .max = GIB, .doc = "One response message." },
	{ "limits", "arena_bytes", OPT_SIZE, AT(arena_bytes), "32MiB",
	    .min = 64 * KIB, .max = 4 * GIB,
	    .doc = "All that one call may hold in memory, decoded." },
	{ "limits", "send_high_water", OPT_SIZE, AT(send_high_water), "256KiB",
	    .min = 16 * KIB, .max = GIB,
	    .doc = "Bytes queued on a stream before its source waits." },
	{ "limits", "max_connection_bytes", OPT_SIZE, AT(max_connection_bytes),
	    "8MiB", .min = 64 * KIB, .max = 4 * GIB,
	    .doc = "Bytes queued to send on one connection." },
	{ "limits", "max_waiting_bytes", OPT_SIZE, AT(max_waiting_bytes),
	    "256MiB", .min = MIB, .max = 64 * GIB,
	    .doc = "All requests of one worker that have not come whole.  "
		   "Beyond it what comes is refused for the while." },
	{ "limits", "max_header_bytes", OPT_SIZE, AT(max_header_bytes), "16KiB",
	    .min = KIB, .max = MIB,
	    .doc = "Header list of one request, decoded." },
	{ "limits", "max_streams", OPT_COUNT, AT(max_streams), "256", .min = 1,
	    .max = 100000, .doc = "Calls at once on one connection." },
	{ "limits", "max_connections", OPT_COUNT, AT(max_connections), "10000",
	    .min = 1, .max = 1000000, .doc = "Connections of one worker." },
	{ "limits", "max_connections_per_address", OPT_COUNT,
	    AT(max_connections_per_address), "1000", .min = 1, .max = 1000000,
	    .doc = "Connections of one worker from one address (IPv6: from "
		   "one /64)." },
	{ "limits", "abuse_per_second", OPT_COUNT, AT(abuse_per_second), "200",
	    .min = 10, .max = 1000000,
	    .doc = "Resets, pings, settings and empty frames that one "
		   "connection may send a second; more ends it with "
		   "ENHANCE_YOUR_CALM." },
	{ "limits", "handshake", OPT_DURATION, AT(handshake_ms), "10s",
	    .min = 100, .max = HOUR,
	    .doc = "From the connection to the end of the TLS handshake." },
	{ "limits", "preface", OPT_DURATION, AT(preface_ms), "10s", .min = 100,
	    .max = HOUR, .doc = "From there to the first HTTP/2 frame." },
	{ "limits", "request", OPT_DURATION, AT(request_ms), "60s", .min = 100,
	    .max = DAY,
	    .doc = "From a call's headers to the last byte of its request, "
		   "where the client sends one message." },
	{ "limits", "idle", OPT_DURATION, AT(idle_ms), "1h", .min = 1000,
	    .max = 30 * DAY,
	    .doc = "A connection without calls is closed after this." },
	{ "limits", "keepalive", OPT_DURATION, AT(keepalive_ms), "60s",
	    .min = 1000, .max = DAY,
	    .doc = "A silent connection with calls is sent a PING after "
		   "this." },
	{ "limits", "keepalive_timeout", OPT_DURATION, AT(keepalive_timeout_ms),
	    "20s", .min = 1000, .max = HOUR,
	    .doc = "It is closed when no answer comes in this time." },
	{ "limits", "retire_percent", OPT_COUNT, AT(retire_percent), "10",
	    .min = 1, .max = 100,
	    .doc = "A full synchronisation that would retire more than this "
		   "share of a member's records must confirm the number." },
	{ "limits", "retire_free", OPT_COUNT, AT(retire_free), "3", .min = 1,
	    .max = COUNT_MAX, .doc = "So many may always be retired." },
	{ "limits", "sync_max_records", OPT_COUNT, AT(sync_max_records),
	    "100000", .min = 1, .max = 10000000,
	    .doc = "Records of one synchronisation." },
	{ "limits", "sync_max_bytes", OPT_SIZE, AT(sync_max_bytes), "256MiB",
	    .min = MIB, .max = 64 * GIB,
	    .doc = "Memory of one synchronisation." },
	{ "limits", "sync_total_bytes", OPT_SIZE, AT(sync_total_bytes), "1GiB",
	    .min = MIB, .max = 1024 * GIB,
	    .doc = "Memory of all synchronisations together, shared evenly "
		   "between the workers, each with room for one at least; one "
		   "that meets it is told to come again." },
	{ "limits", "syncs", OPT_COUNT, AT(syncs), "64", .min = 1,
	    .max = 100000, .doc = "Synchronisations at once on one worker." },
	{ "limits", "watches", OPT_COUNT, AT(watches), "20000", .min = 1,
	    .max = 10000000, .doc = "Watches at once on one worker." },
	{ "limits", "list_work", OPT_COUNT, AT(list_work), "20000", .min = 100,
	    .max = 10000000,
	    .doc = "Records that one List call looks at in one turn." },

	{ "freshness", "organisation", OPT_DAYS, AT(fresh_organisation), "180d",
	    .min = 0, .max = FRESH_DAYS_MAX,
	    .doc =
		"How long the confirmation of an organisation holds: after "
		"it the record is stale.  0d: for ever.  This and the others "
		"of this section are read again on SIGHUP." },
	{ "freshness", "site", OPT_DAYS, AT(fresh_site), "180d", .min = 0,
	    .max = FRESH_DAYS_MAX, .doc = "The same for a site." },
	{ "freshness", "offer", OPT_DAYS, AT(fresh_offer), "90d", .min = 0,
	    .max = FRESH_DAYS_MAX, .doc = "The same for an offer." },
	{ "freshness", "warn_percent", OPT_COUNT, AT(fresh_warn_percent), "20",
	    .min = 0, .max = 100,
	    .doc = "In the last share of its period a record is due: its owner "
		   "is asked to confirm it before it is stale." },

	{ "log", "level", OPT_CHOICE, AT(log_level), "info",
	    .words = "error warning info debug",
	    .doc = "What is logged on stderr, one logfmt line a fact." },
	{ "log", "engine", OPT_CHOICE, AT(log_engine), "local",
	    .words = "local",
	    .doc = "What orders the commits.  local: the writer thread of "
		   "this daemon." },
};

enum { OPTIONS = sizeof options / sizeof options[0] };

/* ---- one value ----------------------------------------------------------- */

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit sizes[] = { { "TiB", TIB }, { "GiB", GIB },
	{ "MiB", MIB }, { "KiB", KIB }, { "B", 1 }, { NULL, 0 } };
static const struct unit durations[] = { { "d", DAY }, { "h", HOUR },
	{ "min", 60 * SECOND }, { "s", SECOND }, { "ms", 1 }, { NULL, 0 } };
static const struct unit days[] = { { "d", 1 }, { NULL, 0 } };
static const struct unit counts[] = { { "", 1 }, { NULL, 0 } };

static const struct unit *
units_of(const struct option *o)
{
	return o->type == OPT_SIZE       ? sizes
	       : o->type == OPT_DURATION ? durations
	       : o->type == OPT_DAYS     ? days
					 : counts;
}

static const char *
kind_of(const struct option *o)
{
	static const char *const kinds[] = {
		[OPT_TEXT] = "a text",
		[OPT_PATH] = "an absolute path",
		[OPT_ADDRESS] = "a numeric ADDRESS:PORT",
		[OPT_COUNT] = "a whole number",
		[OPT_SIZE] = "a number and B, KiB, MiB, GiB or TiB",
		[OPT_DURATION] = "a number and ms, s, min, h or d",
		[OPT_DAYS] = "a number and d",
		[OPT_BOOL] = "yes or no",
		[OPT_CHOICE] = "one of",
	};

	return kinds[o->type];
}

/* The largest unit that gives a whole number. */
static void
format_number(const struct option *o, uint64_t n, char *out, size_t cap)
{
	const struct unit *u = units_of(o);

	while (u[1].name != NULL && (n < u->factor || n % u->factor != 0))
		u++;
	snprintf(out, cap, "%" PRIu64 "%s", n / u->factor, u->name);
}

static int
parse_number(const struct option *o, const char *text, uint64_t *n)
{
	const struct unit *u = units_of(o);
	char *end;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	*n = strtoull(text, &end, 10);
	if (errno != 0)
		return -1;
	while (*end == ' ')
		end++;
	for (; u->name != NULL; u++)
		if (strcmp(end, u->name) == 0)
			return __builtin_mul_overflow(*n, u->factor, n) ? -1
									: 0;
	return -1;
}

/* The place of `text` among the words, or -1. */
static int
find_word(const char *words, const char *text)
{
	size_t len = strlen(text);
	int at = 0;

	for (const char *w = words;; w += strcspn(w, " ") + 1, at++) {
		if (len > 0 && strcspn(w, " ") == len &&
		    strncmp(w, text, len) == 0)
			return at;
		if (w[strcspn(w, " ")] == '\0')
			return -1;
	}
}

static int
set_text(char **slot, const char *text, struct err *e)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return err_set(e, ERR_NOMEM, "no memory for the configuration");
	free(*slot);
	*slot = copy;
	return 0;
}

static int
refuse(const struct option *o, const char *text, struct err *e)
{
	return err_set(e, ERR_INVALID, "[%s] %s: \"%s\" is not %s%s%s",
	    o->section, o->name, text, kind_of(o),
	    o->type == OPT_CHOICE ? " " : "",
	    o->type == OPT_CHOICE ? o->words : "");
}

static int
set_number(const struct option *o, const char *text, uint64_t *n, struct err *e)
{
	char min[32], max[32];

	if (parse_number(o, text, n) != 0)
		return refuse(o, text, e);
	if (*n >= o->min && *n <= o->max)
		return 0;
	format_number(o, o->min, min, sizeof min);
	format_number(o, o->max, max, sizeof max);
	return err_set(e, ERR_INVALID, "[%s] %s: %s is not from %s to %s",
	    o->section, o->name, text, min, max);
}

static int
set_address(struct config *c, const struct option *o, const char *text,
    struct err *e)
{
	struct sockaddr_storage address;
	socklen_t len;

	if (address_parse(text, &address, &len, NULL) < 0)
		return refuse(o, text, e);
	if (c->address_count == CONFIG_ADDRESSES)
		return err_set(e, ERR_INVALID, "[%s] %s: %d at most",
		    o->section, o->name, CONFIG_ADDRESSES);
	return set_text(&c->addresses[c->address_count++], text, e);
}

static int
set_flag(const struct option *o, const char *text, bool *flag, struct err *e)
{
	int at = find_word("no yes", text);

	if (at < 0)
		return refuse(o, text, e);
	*flag = at == 1;
	return 0;
}

static int
set_choice(const struct option *o, const char *text, unsigned *choice,
    struct err *e)
{
	int at = find_word(o->words, text);

	if (at < 0)
		return refuse(o, text, e);
	*choice = (unsigned)at;
	return 0;
}

static int
set_value(struct config *c, const struct option *o, const char *text,
    struct err *e)
{
	char *field = (char *)c + o->at;

	switch (o->type) {
	case OPT_PATH:
		if (text[0] != '/' && (text[0] != '\0' || *o->fallback != '\0'))
			return refuse(o, text, e);
		return set_text((char **)field, text, e);
	case OPT_TEXT:
		return set_text((char **)field, text, e);
	case OPT_ADDRESS:
		return set_address(c, o, text, e);
	case OPT_COUNT:
	case OPT_SIZE:
	case OPT_DURATION:
	case OPT_DAYS:
		return set_number(o, text, (uint64_t *)field, e);
	case OPT_BOOL:
		return set_flag(o, text, (bool *)field, e);
	case OPT_CHOICE:
		return set_choice(o, text, (unsigned *)field, e);
	}
	return err_set(e, ERR_INTERNAL, "[%s] %s has no type", o->section,
	    o->name);
}

/* ---- a whole configuration ----------------------------------------------- */

static void
free_addresses(struct config *c)
{
	for (unsigned i = 0; i < CONFIG_ADDRESSES; i++) {
		free(c->addresses[i]);
		c->addresses[i] = NULL;
	}
	c->address_count = 0;
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	free_addresses(c);
	for (size_t i = 0; i < OPTIONS; i++) {
		if (options[i].type == OPT_TEXT || options[i].type == OPT_PATH)
			free(*(char **)((char *)c + options[i].at));
	}
	free(c);
}

struct config *
config_default(struct err *e)
{
	struct config *c = calloc(1, sizeof *c);

	if (c == NULL) {
		err_set(e, ERR_NOMEM, "no memory for the configuration");
		return NULL;
	}
	for (size_t i = 0; i < OPTIONS; i++) {
		if (set_value(c, &options[i], options[i].fallback, e) != 0) {
			config_free(c);
			return NULL;
		}
	}
	return c;
}

/* Limits that one row alone cannot state. */
static int
check_together(const struct config *c, struct err *e)
{
	if (c->store_quota > c->store_map_size)
		return err_set(e, ERR_INVALID,
		    "[store] quota is more than map_size");
	if (c->arena_bytes < c->max_request_bytes)
		return err_set(e, ERR_INVALID,
		    "[limits] arena_bytes is less than max_request_bytes: no "
		    "request of that size could be decoded");
	if (c->max_waiting_bytes < c->max_request_bytes)
		return err_set(e, ERR_INVALID,
		    "[limits] max_waiting_bytes is less than "
		    "max_request_bytes: no request of that size could come");
	return 0;
}

/* ---- the file ------------------------------------------------------------ */

struct parse {
	struct config *config;
	const char *path;
	FILE *file, *problems;
	unsigned line;           /* of the file, read last */
	unsigned given[OPTIONS]; /* the line that gave it, or 0 */
	struct err *first;
	unsigned mistakes;
};

/* One mistake: into the list, and the first one into *e too. */
static __attribute__((format(printf, 3, 4))) void
mistake(struct parse *p, const char *allowed, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (p->problems != NULL)
		fprintf(p->problems, "%s:%u: %s%s%s\n", p->path, p->line, text,
		    *allowed != '\0' ? "; allowed: " : "", allowed);
	if (p->mistakes++ != 0)
		return;
	err_set(p->first, ERR_INVALID, "%s:%u: %s", p->path, p->line, text);
	if (*allowed != '\0')
		err_remedy(p->first, "Allowed: %s", allowed);
	else
		err_remedy(p->first, "See resoprod.conf(5)");
}

static void
append_word(char *out, size_t cap, const char *word)
{
	size_t len = strlen(out);

	snprintf(out + len, cap - len, "%s%s", len > 0 ? ", " : "", word);
}

/* Say that the key, or its section, is none of ours, and what is. */
static void
unknown(struct parse *p, const char *section, const char *name)
{
	char keys[768] = "", sections[128] = "";

	for (size_t i = 0; i < OPTIONS; i++) {
		if (strcmp(options[i].section, section) == 0)
			append_word(keys, sizeof keys, options[i].name);
		if (i == 0 ||
		    strcmp(options[i].section, options[i - 1].section) != 0)
			append_word(sections, sizeof sections,
			    options[i].section);
	}
	if (keys[0] != '\0')
		mistake(p, keys, "[%s] has no option \"%s\"", section, name);
	else if (section[0] == '\0')
		mistake(p, sections, "\"%s\" stands before any [section]",
		    name);
	else
		mistake(p, sections, "there is no section [%s]", section);
}

static const struct option *
find_option(const char *section, const char *name)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if (strcmp(options[i].section, section) == 0 &&
		    strcmp(options[i].name, name) == 0)
			return &options[i];
	}
	return NULL;
}

/* inih: one "name = value".  Mistakes are kept by us: always goes on. */
static int
on_value(void *arg, const char *section, const char *name, const char *value)
{
	struct parse *p = arg;
	const struct option *o = find_option(section, name);
	struct err e = { 0 };
	unsigned *given;

	if (o == NULL) {
		unknown(p, section, name);
		return 1;
	}
	given = &p->given[o - options];
	if (*given != 0 && o->type != OPT_ADDRESS) {
		mistake(p, "", "[%s] %s was given on line %u already", section,
		    name, *given);
		return 1;
	}
	if (*given == 0 && o->type == OPT_ADDRESS)
		free_addresses(p->config);
	*given = p->line;
	if (set_value(p->config, o, value, &e) != 0)
		mistake(p, "", "%s", e.msg);
	return 1;
}

/* inih: one line, which it takes up to `size` bytes of. */
static char *
next_line(char *line, int size, void *arg)
{
	struct parse *p = arg;
	size_t len;
	int c;

	if (fgets(line, size, p->file) == NULL)
		return NULL;
	p->line++;
	len = strlen(line);
	if (len == 0 || line[len - 1] == '\n' || feof(p->file))
		return line;
	c = getc(p->file);
	if (c == EOF)
		return line;
	mistake(p, "", "the line is longer than %d bytes", size - 2);
	while (c != EOF && c != '\n')
		c = getc(p->file);
	snprintf(line, (size_t)size, "\n");
	return line;
}

static int
read_file(struct parse *p, struct err *e)
{
	int syntax;

	p->file = fopen(p->path, "re");
	if (p->file == NULL) {
		err_set(e, ERR_IO, "%s: %s", p->path, strerror(errno));
		return err_remedy(e,
		    "Name the file with -c FILE, or let the daemon read it");
	}
	syntax = ini_parse_stream(next_line, p, on_value, p);
	if (ferror(p->file)) {
		err_set(e, ERR_IO, "%s: %s", p->path, strerror(errno));
		fclose(p->file);
		return -1;
	}
	fclose(p->file);
	if (syntax > 0) {
		p->line = (unsigned)syntax;
		mistake(p, "",
		    "this is neither [section], name = value nor "
		    "a comment");
	}
	if (p->mistakes == 0 && check_together(p->config, e) != 0) {
		err_wrap(e, "%s: ", p->path);
		if (p->problems != NULL)
			fprintf(p->problems, "%s\n", e->msg);
		return -1;
	}
	return p->mistakes == 0 ? 0 : -1;
}

struct config *
config_load(const char *path, FILE *problems, struct err *e)
{
	struct parse p = { .path = path, .problems = problems, .first = e };

	p.config = config_default(e);
	if (p.config != NULL && read_file(&p, e) != 0) {
		config_free(p.config);
		return NULL;
	}
	return p.config;
}

/* ---- what documents the table -------------------------------------------- */

/* `text` in lines of at most 76 bytes, each behind `prefix`; `sentences`: each
 * on lines of its own, as mdoc wants them.  Two spaces end a sentence. */
static void
write_wrapped(FILE *f, const char *prefix, bool sentences, const char *text)
{
	size_t col = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, " ");
		size_t gap = strspn(text + len, " ");

		if (col > 0 && col + 1 + len > 76) {
			fputc('\n', f);
			col = 0;
		}
		if (col == 0)
			col = (size_t)fprintf(f, "%s", prefix);
		else
			col += (size_t)fprintf(f, " ");
		col += fwrite(text, 1, len, f);
		if (sentences && gap > 1) {
			fputc('\n', f);
			col = 0;
		}
		text += len + gap;
	}
	fputc('\n', f);
}

/* "From 1 to 1024.", "Words: yes, no.": what the row allows, or "". */
static void
allowed_text(const struct option *o, char *out, size_t cap)
{
	char min[32], max[32];

	out[0] = '\0';
	if (o->type == OPT_BOOL)
		snprintf(out, cap, "  One of: yes no.");
	if (o->type == OPT_CHOICE)
		snprintf(out, cap, "  One of: %s.", o->words);
	if (o->type != OPT_COUNT && o->type != OPT_SIZE &&
	    o->type != OPT_DURATION && o->type != OPT_DAYS)
		return;
	format_number(o, o->min, min, sizeof min);
	format_number(o, o->max, max, sizeof max);
	snprintf(out, cap, "  From %s to %s.", min, max);
}

static bool
begins_section(size_t i)
{
	return i == 0 ||
	       strcmp(options[i].section, options[i - 1].section) != 0;
}

void
config_write_file(FILE *f)
{
	char allowed[128], text[640];

	fputs("# resoprod.conf - every option with its default; see "
	      "resoprod.conf(5).\n"
	      "# Check it with: resoprod -t -c FILE\n",
	    f);
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *o = &options[i];

		allowed_text(o, allowed, sizeof allowed);
		snprintf(text, sizeof text, "%s%s", o->doc, allowed);
		if (begins_section(i))
			fprintf(f, "\n[%s]\n", o->section);
		else
			fputc('\n', f);
		write_wrapped(f, "# ", false, text);
		fprintf(f, "#%s =%s%s\n", o->name,
		    *o->fallback != '\0' ? " " : "", o->fallback);
	}
}

void
config_write_manual(FILE *f)
{
	char allowed[128], text[640];

	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *o = &options[i];

		allowed_text(o, allowed, sizeof allowed);
		snprintf(text, sizeof text, "%s%s", o->doc, allowed);
		if (begins_section(i))
			fprintf(f, "%s.Ss [%s]\n.Bl -tag -width Ds\n",
			    i > 0 ? ".El\n" : "", o->section);
		fprintf(f, ".It Ic %s\n", o->name);
		write_wrapped(f, "", true, text);
		if (*o->fallback != '\0')
			fprintf(f, "Default:\n.Li %s .\n", o->fallback);
		else
			fputs("Default: none.\n", f);
	}
	fputs(".El\n", f);
}
