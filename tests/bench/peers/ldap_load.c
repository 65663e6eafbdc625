/*
 * ldap_load.c - what resopro-load is to the others, for slapd: the same
 * options, the same keys, the same line of JSON, by libldap's asynchronous
 * calls over TLS 1.3 with a client certificate.
 *
 *   get        search for an indexed uid; the answer must hold the key
 *   put        modify: the record's new bytes, as the holder of the certificate
 *   handshake  --connections threads: connect, one search, close
 *   idle       open --connections, one search each, measure, hold
 *   first      until one search is answered
 *
 * Closed loop only: --streams operations at once on each connection.
 */
#include <ldap.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../load/load.h"
#include "../load/sample.h"

#define BASE "dc=bench"
#define ATTRIBUTE "resoproRecord"
#define SUITE "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM"

struct op { /* one operation at a time, again and again */
	int id;
	uint64_t number;
	int64_t begun;
};

struct run {
	const struct options *o;
	bool writes;
	struct samples *samples;
	struct buf record;
	uint64_t random, edition;
	LDAP **link;
	struct pollfd *ready;
	struct op *ops; /* of connection 0, then of 1, ... */
	size_t busy;
	bool over;
	int64_t from, to;
	struct report report;
};

static uint64_t
draw(uint64_t *random)
{
	*random ^= *random >> 12;
	*random ^= *random << 25;
	*random ^= *random >> 27;
	return *random * UINT64_C(2685821657736338717) >> 11;
}

/* ---- connections --------------------------------------------------------- */

static void
set(int option, const void *value, const char *what)
{
	if (ldap_set_option(NULL, option, value) != LDAP_OPT_SUCCESS)
		die("libldap takes no %s", what);
}

static void
set_tls(const struct options *o)
{
	int demand = LDAP_OPT_X_TLS_DEMAND;
	int version = LDAP_OPT_X_TLS_PROTOCOL_TLS1_3;

	if (o->cert == NULL)
		die("--cert is missing");
	set(LDAP_OPT_X_TLS_CACERTFILE, o->ca, "authority");
	set(LDAP_OPT_X_TLS_CERTFILE, o->cert, "certificate");
	set(LDAP_OPT_X_TLS_KEYFILE, o->key, "key");
	set(LDAP_OPT_X_TLS_REQUIRE_CERT, &demand, "demand");
	set(LDAP_OPT_X_TLS_PROTOCOL_MIN, &version, "protocol");
	set(LDAP_OPT_X_TLS_CIPHER_SUITE, SUITE, "suite");
}

static LDAP *
link_new(const struct options *o)
{
	int version = LDAP_VERSION3;
	char uri[100];
	LDAP *l;

	(void)snprintf(uri, sizeof uri, "ldaps://%s", o->server);
	if (ldap_initialize(&l, uri) != LDAP_SUCCESS ||
	    ldap_set_option(l, LDAP_OPT_PROTOCOL_VERSION, &version) !=
		LDAP_OPT_SUCCESS)
		die("no memory for a connection");
	return l;
}

/* Connect, and be who the certificate says. */
static LDAP *
link_bound(const struct options *o)
{
	char none[] = "";
	struct berval nobody = { 0, none };
	LDAP *l = link_new(o);
	int rc =
	    ldap_sasl_bind_s(l, NULL, "EXTERNAL", &nobody, NULL, NULL, NULL);

	if (rc != LDAP_SUCCESS)
		die("bind: %s", ldap_err2string(rc));
	return l;
}

static void
link_close(LDAP *l)
{
	(void)ldap_unbind_ext(l, NULL, NULL);
}

/* ---- one operation ------------------------------------------------------- */

static void
write_filter(char out[64], uint64_t number)
{
	char key[SAMPLE_KEY_SIZE];

	sample_key(number, key);
	(void)snprintf(out, 64, "(uid=%s)", key);
}

static int
begin_get(LDAP *l, uint64_t number, int *id)
{
	static char attribute[] = ATTRIBUTE;
	char *wanted[] = { attribute, NULL }, filter[64];

	write_filter(filter, number);
	return ldap_search_ext(l, BASE, LDAP_SCOPE_ONELEVEL, filter, wanted, 0,
	    NULL, NULL, NULL, 0, id);
}

static int
begin_put(struct run *r, LDAP *l, uint64_t number, int *id)
{
	char dn[64], key[SAMPLE_KEY_SIZE], attribute[] = ATTRIBUTE;
	struct berval value, *values[] = { &value, NULL };
	LDAPMod mod = { .mod_op = LDAP_MOD_REPLACE | LDAP_MOD_BVALUES,
		.mod_type = attribute,
		.mod_bvalues = values };
	LDAPMod *mods[] = { &mod, NULL };

	sample_key(number, key);
	(void)snprintf(dn, sizeof dn, "uid=%s," BASE, key);
	buf_reset(&r->record, 1U << 16);
	sample_record(r->samples, &r->record, number,
	    1 + ++r->edition % 999999999, false);
	value.bv_val = (char *)(uintptr_t)buf_head(&r->record);
	value.bv_len = buf_len(&r->record);
	return ldap_modify_ext(l, dn, mods, NULL, NULL, id);
}

/* NULL, or what is wrong with the record that was found. */
static const char *
check_entry(LDAP *l, LDAPMessage *all, uint64_t number)
{
	LDAPMessage *entry = ldap_first_entry(l, all);
	struct berval **values;
	char key[SAMPLE_KEY_SIZE];
	bool found;

	if (entry == NULL)
		return "no entry";
	values = ldap_get_values_len(l, entry, ATTRIBUTE);
	if (values == NULL)
		return "no record in the entry";
	sample_key(number, key);
	found = memmem(values[0]->bv_val, values[0]->bv_len, key,
		    strlen(key)) != NULL;
	ldap_value_free_len(values);
	return found ? NULL : "what was asked for is not in the answer";
}

/* Frees the answer. */
static const char *
check(LDAP *l, LDAPMessage *all, uint64_t number, bool writes)
{
	const char *wrong = NULL;
	int code = LDAP_OTHER;
	int rc = ldap_parse_result(l, all, &code, NULL, NULL, NULL, NULL, 0);

	if (rc != LDAP_SUCCESS || code != LDAP_SUCCESS)
		wrong = ldap_err2string(rc != LDAP_SUCCESS ? rc : code);
	else if (!writes)
		wrong = check_entry(l, all, number);
	(void)ldap_msgfree(all);
	return wrong;
}

/* Search and wait; NULL when all is well. */
static const char *
search_once(LDAP *l, uint64_t number)
{
	LDAPMessage *all = NULL;
	int id, rc = begin_get(l, number, &id);

	if (rc != LDAP_SUCCESS)
		return ldap_err2string(rc);
	if (ldap_result(l, id, LDAP_MSG_ALL, NULL, &all) <= 0)
		return "connection lost";
	return check(l, all, number, false);
}

/* ---- the closed loop ------------------------------------------------------ */

static void
begin(struct run *r, size_t connection, struct op *op)
{
	LDAP *l = r->link[connection];
	int rc;

	if (r->over)
		return;
	op->number = draw(&r->random) % r->o->keys;
	op->begun = now_ns();
	rc = r->writes ? begin_put(r, l, op->number, &op->id)
		       : begin_get(l, op->number, &op->id);
	if (rc != LDAP_SUCCESS)
		die("%s: %s", r->o->what, ldap_err2string(rc));
	r->busy++;
}

static void
finish(struct run *r, size_t connection, struct op *op, LDAPMessage *all)
{
	const char *wrong =
	    check(r->link[connection], all, op->number, r->writes);
	int64_t now = now_ns();

	r->busy--;
	if (wrong != NULL) {
		report_error(&r->report, "%s: %s", r->o->what, wrong);
	} else if (now >= r->from && now < r->to) {
		r->report.n++;
		hist_add(&r->report.latency, now - op->begun);
	}
	begin(r, connection, op);
}

/* All answers that have come on a connection. */
static void
receive(struct run *r, size_t connection)
{
	struct op *ops = &r->ops[connection * r->o->streams];
	struct timeval now = { 0, 0 };
	LDAPMessage *all;

	for (;;) {
		int rc = ldap_result(r->link[connection], LDAP_RES_ANY,
		    LDAP_MSG_ALL, &now, &all);
		unsigned i = 0;

		if (rc < 0)
			die("connection %zu lost", connection);
		if (rc == 0)
			return;
		while (i < r->o->streams && ops[i].id != ldap_msgid(all))
			i++;
		if (i == r->o->streams)
			die("an answer to nothing");
		finish(r, connection, &ops[i], all);
	}
}

static void
turn_until(struct run *r, int64_t end)
{
	int64_t now;

	while (r->busy > 0 && (now = now_ns()) < end) {
		struct timespec wait = { 0, NS_PER_S / 10 };

		if (end - now < wait.tv_nsec)
			wait.tv_nsec = end - now;
		if (ppoll(r->ready, r->o->connections, &wait, NULL) <= 0)
			continue;
		for (size_t i = 0; i < r->o->connections; i++)
			if (r->ready[i].revents != 0)
				receive(r, i);
	}
}

static void
run_start(struct run *r, const struct options *o)
{
	memset(r, 0, sizeof *r);
	r->o = o;
	r->writes = strcmp(o->what, "put") == 0;
	r->samples = samples_new(o);
	r->random = (uint64_t)now_ns() | 1;
	r->edition = r->random % 999999999;
	report_init(&r->report, o);
	r->link = calloc(o->connections, sizeof *r->link);
	r->ready = calloc(o->connections, sizeof *r->ready);
	r->ops = calloc((size_t)o->connections * o->streams, sizeof *r->ops);
	if (r->link == NULL || r->ready == NULL || r->ops == NULL)
		die("no memory");
	for (size_t i = 0; i < o->connections; i++) {
		r->link[i] = link_bound(o);
		r->ready[i].events = POLLIN;
		if (ldap_get_option(r->link[i], LDAP_OPT_DESC,
			&r->ready[i].fd) != LDAP_OPT_SUCCESS)
			die("no descriptor");
	}
}

static void
run_end(struct run *r)
{
	for (size_t i = 0; i < r->o->connections; i++)
		link_close(r->link[i]);
	samples_free(r->samples);
	buf_free(&r->record);
	free(r->link);
	free(r->ready);
	free(r->ops);
}

static int
run_loop(const struct options *o)
{
	struct run r;
	int rc;

	if (o->rate > 0 || o->calls > 0)
		die("only by time, in a closed loop");
	run_start(&r, o);
	r.from = now_ns() + (int64_t)(o->warmup * 1e9);
	r.to = r.from + (int64_t)(o->seconds * 1e9);
	for (size_t i = 0; i < (size_t)o->connections * o->streams; i++)
		begin(&r, i / o->streams, &r.ops[i]);
	turn_until(&r, r.from);
	usage_take(o, &r.report.begin);
	turn_until(&r, r.to);
	usage_take(o, &r.report.end);
	r.over = true;
	turn_until(&r, now_ns() + 10 * NS_PER_S);
	if (r.busy > 0)
		report_error(&r.report, "%zu were never answered", r.busy);
	rc = report_print(&r.report);
	run_end(&r);
	return rc;
}

/* ---- handshakes ---------------------------------------------------------- */

struct visitors {
	const struct options *o;
	int64_t from, to;
	pthread_mutex_t lock; /* of the report */
	struct report report;
};

static void *
visit(void *arg)
{
	struct visitors *v = arg;
	uint64_t random = (uint64_t)now_ns() | 1;
	int64_t begun, now;

	while ((begun = now_ns()) < v->to) {
		LDAP *l = link_new(v->o);
		const char *wrong = search_once(l, draw(&random) % v->o->keys);

		now = now_ns();
		link_close(l);
		(void)pthread_mutex_lock(&v->lock);
		if (wrong != NULL) {
			report_error(&v->report, "%s", wrong);
		} else if (now >= v->from && now < v->to) {
			v->report.n++;
			hist_add(&v->report.latency, now - begun);
		}
		(void)pthread_mutex_unlock(&v->lock);
	}
	return NULL;
}

static void
wait_for(int64_t when)
{
	struct timespec at = { when / NS_PER_S, when % NS_PER_S };

	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static int
run_handshake_threads(const struct options *o)
{
	struct visitors v = { .o = o, .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t *threads = calloc(o->connections, sizeof *threads);

	if (threads == NULL)
		die("no memory");
	report_init(&v.report, o);
	v.from = now_ns() + (int64_t)(o->warmup * 1e9);
	v.to = v.from + (int64_t)(o->seconds * 1e9);
	for (unsigned i = 0; i < o->connections; i++)
		if (pthread_create(&threads[i], NULL, visit, &v) != 0)
			die("no thread");
	wait_for(v.from);
	usage_take(o, &v.report.begin);
	wait_for(v.to);
	usage_take(o, &v.report.end);
	for (unsigned i = 0; i < o->connections; i++)
		(void)pthread_join(threads[i], NULL);
	free(threads);
	return report_print(&v.report);
}

/* ---- idle, first --------------------------------------------------------- */

static int
run_held(const struct options *o)
{
	struct report report;
	LDAP **links = calloc(o->connections, sizeof *links);

	if (links == NULL)
		die("no memory");
	report_init(&report, o);
	usage_take(o, &report.begin);
	for (unsigned i = 0; i < o->connections; i++) {
		const char *wrong =
		    search_once(links[i] = link_new(o), i % o->keys);

		if (wrong != NULL)
			report_error(&report, "connection %u: %s", i, wrong);
		else
			report.n++;
	}
	usage_take(o, &report.end);
	(void)snprintf(report.extra, sizeof report.extra, ",\"kb_each\":%.2f",
	    (double)(report.end.rss_anon - report.begin.rss_anon) /
		o->connections);
	(void)report_print(&report);
	(void)fflush(stdout);
	wait_for(now_ns() + (int64_t)(o->hold * 1e9));
	for (unsigned i = 0; i < o->connections; i++)
		link_close(links[i]);
	free(links);
	return report.errors > 0;
}

static int
run_until_answered(const struct options *o)
{
	int64_t begun = now_ns(), end = begun + 120 * NS_PER_S;
	struct report report;
	const char *wrong;

	if (o->hold > 0)
		end = begun + (int64_t)(o->hold * 1e9);
	report_init(&report, o);
	usage_take(o, &report.begin);
	do {
		LDAP *l = link_new(o);

		wrong = search_once(l, 0);
		link_close(l);
		if (wrong != NULL)
			wait_for(now_ns() + NS_PER_S / 2000);
	} while (wrong != NULL && now_ns() < end);
	usage_take(o, &report.end);
	hist_add(&report.latency, now_ns() - begun);
	report.n = 1;
	if (wrong != NULL)
		report_error(&report, "no answer: %s", wrong);
	return report_print(&report);
}

static const struct {
	const char *name;
	int (*run)(const struct options *);
} runs[] = {
	{ "get", run_loop },
	{ "put", run_loop },
	{ "handshake", run_handshake_threads },
	{ "idle", run_held },
	{ "first", run_until_answered },
};

int
main(int argc, char **argv)
{
	struct options o;

	options_read(&o, argc, argv);
	set_tls(&o);
	for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++)
		if (strcmp(runs[i].name, o.what) == 0)
			return runs[i].run(&o);
	die("%s: no such case", o.what);
}
