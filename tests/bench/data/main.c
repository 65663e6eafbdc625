/* main.c - resopro-bench-data: make the benchmark's records, write or send
 * them. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sync.h"

#define SET_MAX 90000 /* sites of one Sync: below sync_max_records */

static const char usage[] =
    "usage: resopro-bench-data write -m COMMUNES -n SITES\n"
    "       resopro-bench-data load -m COMMUNES -n SITES CONNECTION\n"
    "       resopro-bench-data sync -m COMMUNES -n SITES -f FIRST [-x CHANGED]\n"
    "           [-d] -S SOURCE CONNECTION\n"
    "CONNECTION: -s HOST:PORT -a CA -c CERTIFICATE -k KEY\n"
    "\n"
    "write: every site as the register returns it, on stdout: its length in\n"
    "4 bytes, least first, then resopro.v1.Record.\n"
    "load: bodies, titles and sites into a register, as changes of \"bench\".\n"
    "sync: the sites FIRST .. FIRST + SITES - 1 as the whole set of SOURCE (-d:\n"
    "as changes), every CHANGEDth in another edition; tells how long it took, in\n"
    "one line of JSON.\n";

struct options {
	const char *task, *communes, *source;
	unsigned n, first, changed;
	bool delta;
	struct rsp_client_opts client;
};

static int
number(const char *text, unsigned max, unsigned *out)
{
	char *rest;
	unsigned long v = strtoul(text, &rest, 10);

	if (*text < '0' || *text > '9' || *rest != '\0' || v > max)
		return -1;
	*out = (unsigned)v;
	return 0;
}

static int
read_options(struct options *o, int argc, char **argv)
{
	int c, bad = argc < 2;

	*o = (struct options){ .client = { .size = sizeof o->client } };
	if (bad)
		return -1;
	o->task = argv[1];
	while ((c = getopt(argc - 1, argv + 1, "m:n:f:x:dS:s:a:c:k:")) != -1)
		switch (c) {
		case 'm':
			o->communes = optarg;
			break;
		case 'n':
			bad |= number(optarg, BENCH_SITES_MAX, &o->n) < 0;
			break;
		case 'f':
			bad |= number(optarg, BENCH_SITES_MAX, &o->first) < 0;
			break;
		case 'x':
			bad |= number(optarg, BENCH_SITES_MAX, &o->changed) < 0;
			break;
		case 'd':
			o->delta = true;
			break;
		case 'S':
			o->source = optarg;
			break;
		case 's':
			o->client.server = optarg;
			break;
		case 'a':
			o->client.ca_file = optarg;
			break;
		case 'c':
			o->client.cert_file = optarg;
			break;
		case 'k':
			o->client.key_file = optarg;
			break;
		default:
			bad = 1;
		}
	return bad || optind != argc - 1 || o->communes == NULL || o->n == 0
		   ? -1
		   : 0;
}

/* ---- write -------------------------------------------------------------- */

static int
write_records(const struct options *o, const struct bench_communes *communes)
{
	static struct bench_record r;
	struct bench_stamp stamp;
	uint8_t bytes[4 + 2 * BENCH_RECORD_BYTES];

	for (unsigned i = 0; i < o->n; i++) {
		size_t len;

		bench_site(&r, communes, i, 0);
		bench_stamp(&r, &stamp, 1 + i / SET_MAX);
		len = resopro__v1__record__pack(&r.record, bytes + 4);
		for (unsigned b = 0; b < 4; b++)
			bytes[b] = (uint8_t)(len >> (8 * b));
		if (fwrite(bytes, 4 + len, 1, stdout) != 1)
			break;
	}
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return 0;
	perror("write");
	return -1;
}

/* ---- load, sync --------------------------------------------------------- */

static int
complain(const char *what, const struct rsp_error *e)
{
	fprintf(stderr, "%s: %s\n", what, e->msg);
	return -1;
}

static int
load(const struct options *o, const struct bench_communes *communes,
    struct rsp_client *client)
{
	Resopro__V1__SyncResult *result;
	struct rsp_error e = { 0 };

	for (unsigned at = 0; at < o->n; at += SET_MAX) {
		unsigned n = o->n - at < SET_MAX ? o->n - at : SET_MAX;
		struct bench_set *set =
		    bench_set_sites(communes, at, n, 0, at == 0);
		int sent = set == NULL
			       ? -1
			       : bench_set_send(set, client, BENCH_SOURCE,
				     RESOPRO__V1__SYNC_MODE__SYNC_MODE_DELTA,
				     &result, &e);

		bench_set_free(set);
		if (sent < 0)
			return complain("load", &e);
		rsp_message_free(&result->base);
	}
	return 0;
}

static int64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int
sync_once(const struct options *o, const struct bench_communes *communes,
    struct rsp_client *client)
{
	struct bench_set *set =
	    bench_set_sites(communes, o->first, o->n, o->changed, false);
	Resopro__V1__SyncResult *result;
	struct rsp_error e = { 0 };
	int64_t began;
	double seconds;

	if (set == NULL || rsp_client_connect(client, &e) < 0) {
		bench_set_free(set);
		return complain("sync", &e);
	}
	began = now_ns();
	if (bench_set_send(set, client, o->source,
		o->delta ? RESOPRO__V1__SYNC_MODE__SYNC_MODE_DELTA
			 : RESOPRO__V1__SYNC_MODE__SYNC_MODE_FULL,
		&result, &e) < 0) {
		bench_set_free(set);
		return complain("sync", &e);
	}
	seconds = (double)(now_ns() - began) / 1e9;
	printf("{\"records\": %u, \"seconds\": %.6f, \"created\": %u, "
	       "\"updated\": %u, \"unchanged\": %u}\n",
	    o->n, seconds, result->created, result->updated, result->unchanged);
	rsp_message_free(&result->base);
	bench_set_free(set);
	return 0;
}

static int
run(const struct options *o, const struct bench_communes *communes)
{
	struct rsp_error e = { 0 };
	struct rsp_client *client;
	int done;

	if (strcmp(o->task, "write") == 0)
		return write_records(o, communes);
	if ((client = rsp_client_new(&o->client, &e)) == NULL)
		return complain(o->task, &e);
	done = strcmp(o->task, "load") == 0 ? load(o, communes, client)
					    : sync_once(o, communes, client);
	rsp_client_free(client);
	return done;
}

int
main(int argc, char **argv)
{
	struct options o;
	struct bench_communes communes;
	int done;

	if (read_options(&o, argc, argv) < 0 ||
	    (strcmp(o.task, "write") != 0 && strcmp(o.task, "load") != 0 &&
		(strcmp(o.task, "sync") != 0 || o.source == NULL))) {
		fputs(usage, stderr);
		return 2;
	}
	if (communes_read(&communes, o.communes) < 0)
		return 1;
	done = run(&o, &communes);
	communes_free(&communes);
	return done == 0 ? 0 : 1;
}
