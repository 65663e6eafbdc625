/* options.c - the command line, as a table. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

static const char head[] =
    "Usage: resopro-load CASE [OPTION...]\n"
    "\n"
    "Puts load on one server and prints one line of JSON.  Exit status: 0, 1\n"
    "when a call failed or its answer did not hold what was asked for, 2 when\n"
    "the run could not be set up.\n"
    "\n"
    "Calls\n"
    "  get batchget list find search put   resopro.v1, also of a peer that has it\n"
    "  range etcd-put               etcd: KV/Range serializable, KV/Put\n"
    "  http                         plain HTTP/2 GET of --path, or of /KEY\n"
    "  call                         gRPC --path with the message in --body\n"
    "Each connection keeps --streams calls in flight (closed loop), or --rate\n"
    "calls a second leave whatever the answers do (open loop; latency counts\n"
    "from the time at which a call should have left).  Keys are the sites of\n"
    "resopro-bench-data: bench-0000000 and up.  put writes a new edition with a\n"
    "fresh request id.  Each answer must hold its key (get, batchget, range,\n"
    "http), the edition that was written (put), a full page (list), a line\n"
    "(find), a hit (search), or --expect.\n"
    "\n"
    "Others\n"
    "  first        until `get` is answered once: p50_us is that time since\n"
    "               the start of this program; refused connections are tried\n"
    "               again (--path /etcdserverpb.KV/Range: etcd)\n"
    "  handshake    --connections at a time: connect, handshake, one get (or\n"
    "               --path), close; --resume: with the session of the one\n"
    "               before\n"
    "  idle         open --connections, one get each, hold them for --hold;\n"
    "               kb_each: what the server's memory grew by\n"
    "  watch, etcd-watch\n"
    "               --streams watches on each of --connections, one put a\n"
    "               round: p50_us is of the last delivery of each round, units\n"
    "               are deliveries\n"
    "  sync         --calls times (or for --seconds) one Sync of --records on\n"
    "               each of --connections: units are records\n"
    "\n"
    "Fields: rate (answers a second, or units), p50_us p99_us p999_us max_us\n"
    "mean_us, n, errors, seconds, client_cpu (s) and client_cpu_us (each);\n"
    "with --pid also server_cpu, server_cpu_us, rss_kb, rss_anon_kb.\n"
    "\n"
    "Options\n";

enum kind { TEXT, NUMBER32, NUMBER64, REAL, FLAG, PID };

struct option_row {
	const char *name;
	enum kind kind;
	size_t at;
	const char *meta, *help;
};

#define AT(field) offsetof(struct options, field)

static const struct option_row rows[] = {
	{ "server", TEXT, AT(server), "ADDR:PORT", "127.0.0.1:7443" },
	{ "authority", TEXT, AT(authority), "NAME",
	    "name to verify and to call; localhost" },
	{ "ca", TEXT, AT(ca), "FILE", "authority of the server's certificate" },
	{ "cert", TEXT, AT(cert), "FILE", "our certificate" },
	{ "key", TEXT, AT(key), "FILE", "and its key" },
	{ "ciphers", TEXT, AT(ciphers), "LIST",
	    "TLS 1.3 suites; TLS_AES_128_GCM_SHA256" },
	{ "connections", NUMBER32, AT(connections), "N", "1" },
	{ "streams", NUMBER32, AT(streams), "N", "calls in flight on each; 1" },
	{ "sources", NUMBER32, AT(sources), "N",
	    "connect from N addresses 127.0.0.1 and up; 1" },
	{ "seconds", REAL, AT(seconds), "S", "how long to measure; 5" },
	{ "warmup", REAL, AT(warmup), "S", "before that, not counted; 1" },
	{ "calls", NUMBER64, AT(calls), "N",
	    "exactly so many instead, all counted" },
	{ "rate", REAL, AT(rate), "N", "open loop: calls a second" },
	{ "keys", NUMBER64, AT(keys), "N", "sites 0 to N-1; 100000" },
	{ "sequential", FLAG, AT(sequential), NULL,
	    "keys in order, not at random" },
	{ "seed", NUMBER64, AT(seed), "N",
	    "the same keys and request ids each time" },
	{ "owner", TEXT, AT(owner), "ID",
	    "sync: the body whose set it is; the agency" },
	{ "communes", TEXT, AT(communes), "FILE",
	    "config/territories/communes.csv: put, find, sync" },
	{ "check-version", FLAG, AT(check_version), NULL,
	    "put: name the version, once it is known" },
	{ "batch", NUMBER32, AT(batch), "N", "batchget: names; 100" },
	{ "page", NUMBER32, AT(page), "N", "list: page size; 100" },
	{ "lines", NUMBER32, AT(lines), "N", "find: limit; 5" },
	{ "hits", NUMBER32, AT(hits), "N", "search: page size; 20" },
	{ "path", TEXT, AT(path), "PATH", "call, http, first, handshake" },
	{ "body", TEXT, AT(body_file), "FILE", "call: the encoded message" },
	{ "expect", TEXT, AT(expect), "TEXT",
	    "call, http: must be in the answer" },
	{ "resume", FLAG, AT(resume), NULL, "handshake: resume sessions" },
	{ "hold", REAL, AT(hold), "S", "idle: 0" },
	{ "rounds", NUMBER32, AT(rounds), "N", "watch: 20" },
	{ "records", NUMBER64, AT(records), "N", "sync: in each set; 10000" },
	{ "set", TEXT, AT(set), "NAME", "sync: source; bench" },
	{ "first", NUMBER64, AT(first), "N",
	    "sync: number of the first site of a set; 1000000" },
	{ "fresh", FLAG, AT(fresh), NULL,
	    "sync: each set has the sites after those of the one before" },
	{ "changed", NUMBER64, AT(changed), "N",
	    "sync: so many changed in each set; 0" },
	{ "full", FLAG, AT(full), NULL, "sync: FULL, not DELTA" },
	{ "dry-run", FLAG, AT(dry_run), NULL, "sync: only plan" },
	{ "pid", PID, AT(pid), "PID", "the server's: count its time, memory" },
	{ "label", TEXT, AT(label), "TEXT", "copied into the line" },
};

enum { ROWS = sizeof rows / sizeof rows[0] };

static _Noreturn void
help(void)
{
	(void)fputs(head, stdout);
	for (int i = 0; i < ROWS; i++) {
		int n = printf("  --%s%s%s", rows[i].name,
		    rows[i].meta != NULL ? " " : "",
		    rows[i].meta != NULL ? rows[i].meta : "");

		(void)printf("%*s%s\n", n < 24 ? 24 - n : 1, "", rows[i].help);
	}
	exit(0);
}

static double
number(const struct option_row *row, const char *text)
{
	char *end;
	double x = strtod(text, &end);

	if (end == text || *end != '\0' || x < 0)
		die("--%s %s: not a number", row->name, text);
	return x;
}

static void
set(struct options *o, const struct option_row *row, char *text)
{
	char *at = (char *)o + row->at;

	switch (row->kind) {
	case TEXT:
		*(const char **)(void *)at = text;
		break;
	case NUMBER32:
		*(unsigned *)(void *)at = (unsigned)number(row, text);
		break;
	case NUMBER64:
		*(uint64_t *)(void *)at = (uint64_t)number(row, text);
		break;
	case REAL:
		*(double *)(void *)at = number(row, text);
		break;
	case FLAG:
		*(bool *)(void *)at = true;
		break;
	case PID:
		*(long *)(void *)at = (long)number(row, text);
		break;
	}
}

static void
defaults(struct options *o)
{
	*o = (struct options){ .server = "127.0.0.1:7443",
		.authority = "localhost",
		.ciphers = "TLS_AES_128_GCM_SHA256",
		.connections = 1,
		.streams = 1,
		.sources = 1,
		.seconds = 5,
		.warmup = 1,
		.keys = 100000,
		.owner = "agence-orientation-metiers-normandie",
		.batch = 100,
		.page = 100,
		.lines = 5,
		.hits = 20,
		.rounds = 20,
		.records = 10000,
		.first = 1000000,
		.set = "bench" };
}

static void
check(const struct options *o)
{
	if (o->what == NULL)
		die("no case is named; see --help");
	if (o->connections == 0 || o->streams == 0 || o->keys == 0)
		die("--connections, --streams and --keys begin at 1");
	if (o->check_version &&
	    o->keys <= (uint64_t)o->connections * o->streams)
		die("--check-version needs more --keys than calls in flight");
	if (o->ca == NULL)
		die("--ca is missing");
	if ((o->cert == NULL) != (o->key == NULL))
		die("--cert and --key go together");
}

void
options_read(struct options *o, int argc, char **argv)
{
	struct option list[ROWS + 2] = { 0 };
	int at;

	for (int i = 0; i < ROWS; i++)
		list[i] = (struct option){ rows[i].name,
			rows[i].kind == FLAG ? no_argument : required_argument,
			NULL, 0 };
	list[ROWS] = (struct option){ "help", no_argument, NULL, 'h' };
	defaults(o);
	while ((at = -1, getopt_long(argc, argv, "h", list, &at)) != -1) {
		if (at < 0 || at > ROWS)
			exit(2);
		if (at == ROWS)
			help();
		set(o, &rows[at], optarg);
	}
	o->what = argv[optind];
	if (o->what != NULL && argv[optind + 1] != NULL)
		die("%s: one case at a time", argv[optind + 1]);
	check(o);
}
