/* main.c - resopro-bench-data: make the benchmark's records, write or send
 * them. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync.h"

#define SET_MAX 90000 /* sites of one Sync: below sync_max_records */

static const char usage[] =
    "usage: resopro-bench-data write -m COMMUNES -n SITES\n"
    "       resopro-bench-data load -m COMMUNES -n SITES -s HOST:PORT -a CA\n"
    "           -c CERTIFICATE -k KEY\n"
    "\n"
    "write: every site as the register returns it, on stdout: its length in\n"
    "4 bytes, least first, then resopro.v1.Record.\n"
    "load: bodies, titles and sites into a register, as changes of \"bench\".\n";

struct options {
	const char *task, *communes;
	unsigned n;
	struct rsp_client_opts client;
};

static int
read_count(const char *text, unsigned *out)
{
	char *rest;
	unsigned long v = strtoul(text, &rest, 10);

	if (*text < '0' || *text > '9' || *rest != '\0' || v > BENCH_SITES_MAX)
		return -1;
	*out = (unsigned)v;
	return 0;
}

static int
read_options(struct options *o, int argc, char **argv)
{
	int c, bad = 0;

	*o = (struct options){ .client = { .size = sizeof o->client } };
	if (argc < 2)
		return -1;
	o->task = argv[1];
	while ((c = getopt(argc - 1, argv + 1, "m:n:s:a:c:k:")) != -1)
		switch (c) {
		case 'm':
			o->communes = optarg;
			break;
		case 'n':
			bad |= read_count(optarg, &o->n) < 0;
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

/* ---- load --------------------------------------------------------------- */

static int
complain(const struct rsp_error *e)
{
	fprintf(stderr, "resopro-bench-data: %s\n",
	    e->msg[0] != '\0' ? e->msg : "no memory");
	return -1;
}

static int
load_sets(const struct options *o, const struct bench_communes *communes,
    struct rsp_client *client, struct rsp_error *e)
{
	for (unsigned at = 0; at < o->n; at += SET_MAX) {
		unsigned n = o->n - at < SET_MAX ? o->n - at : SET_MAX;
		struct bench_set *set =
		    bench_set_sites(communes, at, n, at == 0);
		int sent = set == NULL ? -1 : bench_set_send(set, client, e);

		bench_set_free(set);
		if (sent < 0)
			return -1;
	}
	return 0;
}

static int
load(const struct options *o, const struct bench_communes *communes)
{
	struct rsp_error e = { 0 };
	struct rsp_client *client = rsp_client_new(&o->client, &e);
	int done = client == NULL ? -1 : load_sets(o, communes, client, &e);

	rsp_client_free(client);
	return done < 0 ? complain(&e) : 0;
}

int
main(int argc, char **argv)
{
	struct options o;
	struct bench_communes communes;
	bool writes;
	int done;

	if (read_options(&o, argc, argv) < 0 ||
	    (!(writes = strcmp(o.task, "write") == 0) &&
		strcmp(o.task, "load") != 0)) {
		fputs(usage, stderr);
		return 2;
	}
	if (communes_read(&communes, o.communes) < 0)
		return 1;
	done = writes ? write_records(&o, &communes) : load(&o, &communes);
	communes_free(&communes);
	return done == 0 ? 0 : 1;
}
