/* main.c - resoprod: argv, build, run, tear down. */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/loop.h"
#include "config.h"
#include "domain/date.h"
#include "net/listener.h"
#include "net/tls.h"
#include "service/catalog.h"
#include "service/search_index.h"
#include "service/service.h"
#include "store/store.h"
#include "worker.h"

#define WORKERS_MAX 64
#define DEFAULT_CONFIG "/etc/resopro/resoprod.conf"
#define AGENCY_ID "agence-orientation-metiers-normandie"
#define AGENCY_NAME                                                            \
	"Agence régionale de l'orientation et des métiers de Normandie"

enum { EXIT_BAD_USAGE = 2 };

struct args {
	const char *config, *init, *organisation, *name, *pin;
	bool test, verify, help, version;
};

struct daemon {
	const char *path; /* of the configuration */
	const struct config *config;
	struct catalog_periods periods;
	struct store *store;
	struct catalog *catalog;
	struct search_index *search_index;
	struct tls_server *tls;
	struct worker *workers[WORKERS_MAX];
	struct service_counts counts[WORKERS_MAX];
	unsigned n_workers;
	struct loop *loop; /* signals only */
	struct watch_signal term, intr, hup;
	pthread_t prefault;
	bool prefaulting, stop_prefault;
};

/* ---- arguments ------------------------------------------------------------ */

static void
usage(FILE *out)
{
	fputs("usage: resoprod [-c FILE]                    run\n"
	      "       resoprod [-c FILE] -t                 check the "
	      "configuration\n"
	      "       resoprod [-c FILE] --init ACCOUNT [--organisation ID] "
	      "[--name NAME] [--pin SHA256]\n"
	      "                                             make the register "
	      "and its first administrator\n"
	      "       resoprod [-c FILE] --verify           fold the log again "
	      "and compare\n"
	      "       resoprod --help | --version\n"
	      "The default FILE is " DEFAULT_CONFIG ".  See resoprod(8).\n",
	    out);
}

static int
parse(struct args *a, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "test", no_argument, NULL, 't' },
		{ "init", required_argument, NULL, 'i' },
		{ "organisation", required_argument, NULL, 'o' },
		{ "name", required_argument, NULL, 'n' },
		{ "pin", required_argument, NULL, 'p' },
		{ "verify", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*a = (struct args){ .config = DEFAULT_CONFIG,
		.organisation = AGENCY_ID,
		.name = AGENCY_NAME };
	while ((c = getopt_long(argc, argv, "c:thV", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			a->config = optarg;
			break;
		case 't':
			a->test = true;
			break;
		case 'i':
			a->init = optarg;
			break;
		case 'o':
			a->organisation = optarg;
			break;
		case 'n':
			a->name = optarg;
			break;
		case 'p':
			a->pin = optarg;
			break;
		case 'v':
			a->verify = true;
			break;
		case 'h':
			a->help = true;
			break;
		case 'V':
			a->version = true;
			break;
		default:
			return -1;
		}
	}
	if (optind < argc)
		fprintf(stderr, "resoprod: \"%s\" is too much\n", argv[optind]);
	return optind == argc ? 0 : -1;
}

/* Say it to whoever started us; the exit status follows. */
static int
complain(const struct err *e)
{
	fprintf(stderr, "resoprod: %s%s%s\n", e->msg,
	    e->remedy[0] != '\0' ? "\n  " : "", e->remedy);
	return EXIT_FAILURE;
}

/* ---- parts ---------------------------------------------------------------- */

static int
open_store(struct daemon *d, bool create, bool read_only, struct err *e)
{
	const struct config *c = d->config;
	struct store_opts o = {
		.dir = c->store_dir,
		.map_bytes = c->store_map_size,
		.quota_bytes = c->store_quota,
		.request_ids = c->store_request_ids,
		.create = create,
		.read_only = read_only,
		.schema = service_schema(),
	};

	d->store = store_open(&o, e);
	return d->store != NULL ? 0 : -1;
}

static int
open_search(struct daemon *d, struct err *e)
{
	d->search_index = search_index_new(d->store, d->catalog, e);
	return d->search_index != NULL ? 0 : -1;
}

static int
open_tls(struct daemon *d, struct err *e)
{
	const struct config *c = d->config;
	struct tls_opts o = {
		.cert_file = c->tls_cert_file,
		.key_file = c->tls_key_file,
		.ca_file = c->tls_ca_file,
		.crl_file = c->tls_crl_file[0] != '\0' ? c->tls_crl_file : NULL,
		.client_cert = c->tls_client_cert == CONFIG_CERT_REQUIRED
				   ? TLS_CERT_REQUIRED
				   : TLS_CERT_REQUESTED,
		.allow_tls12 = c->tls_allow_tls12,
		.sessions = (unsigned)c->tls_sessions,
	};

	d->tls = tls_server_new(&o, e);
	return d->tls != NULL ? 0 : -1;
}

static struct rpc_limits
rpc_limits_of(const struct config *c)
{
	return (struct rpc_limits){
		.max_request_bytes = c->max_request_bytes,
		.max_response_bytes = c->max_response_bytes,
		.arena_bytes = c->arena_bytes,
		.send_high_water = c->send_high_water,
		.max_waiting_bytes = c->max_waiting_bytes,
		.max_streams = (unsigned)c->max_streams,
		.max_header_bytes = c->max_header_bytes,
		.max_connections = (unsigned)c->max_connections,
		.max_connections_per_address =
		    (unsigned)c->max_connections_per_address,
		.handshake_ms = (unsigned)c->handshake_ms,
		.preface_ms = (unsigned)c->preface_ms,
		.request_ms = (unsigned)c->request_ms,
		.idle_ms = (unsigned)c->idle_ms,
		.keepalive_ms = (unsigned)c->keepalive_ms,
		.keepalive_timeout_ms = (unsigned)c->keepalive_timeout_ms,
		.abuse_per_second = (unsigned)c->abuse_per_second,
		.max_connection_bytes = c->max_connection_bytes,
	};
}

static struct service_limits
service_limits_of(const struct config *c)
{
	return (struct service_limits){
		.retire_percent = (unsigned)c->retire_percent,
		.retire_free = (unsigned)c->retire_free,
		.sync_max_records = (unsigned)c->sync_max_records,
		.sync_max_bytes = c->sync_max_bytes,
		.sync_total_bytes = c->sync_total_bytes,
		.syncs = (unsigned)c->syncs,
		.watches = (unsigned)c->watches,
		.list_work = (unsigned)c->list_work,
	};
}

static struct catalog_periods
periods_of(const struct config *c)
{
	uint32_t percent = (uint32_t)c->fresh_warn_percent;

	return (struct catalog_periods){
		.organisation =
		    freshness_period_of((uint32_t)c->fresh_organisation,
			percent),
		.site = freshness_period_of((uint32_t)c->fresh_site, percent),
		.offer = freshness_period_of((uint32_t)c->fresh_offer, percent),
	};
}

static struct catalog *
load_catalog(struct daemon *d, struct err *e)
{
	struct catalog *c = catalog_load(d->config->data_dir, e);

	if (c != NULL)
		catalog_set_periods(c, &d->periods);
	return c;
}

static unsigned
count_workers(const struct config *c)
{
	long n =
	    c->workers != 0 ? (long)c->workers : sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

static int
open_workers(struct daemon *d, struct err *e)
{
	const struct config *c = d->config;
	unsigned n = count_workers(c);
	char expires[DATE_TEXT_SIZE];
	struct worker_opts o = {
		.service = { .store = d->store,
		    .catalog = d->catalog,
		    .search_index = d->search_index,
		    .limits = service_limits_of(c),
		    .workers = n,
		    .counts = d->counts,
		    .started_ns = clock_wall_ns(),
		    .certificate_expires = expires },
		.limits = rpc_limits_of(c),
		.tls = d->tls,
		.addresses = c->addresses,
		.n_addresses = c->address_count,
		.drain_ms = (unsigned)c->drain_ms,
	};

	date_format(date_from_unix(tls_server_not_after(d->tls)), expires);
	for (unsigned i = 0; i < o.n_addresses; i++) {
		if (listener_probe(o.addresses[i], e) < 0)
			return -1;
	}
	while (d->n_workers < n) {
		struct worker *w;

		o.service.worker = d->n_workers;
		if ((w = worker_new(&o, e)) == NULL)
			return -1;
		d->workers[d->n_workers++] = w;
	}
	for (unsigned i = 0; i < n; i++) {
		if (worker_start(d->workers[i], e) < 0)
			return -1;
	}
	return 0;
}

static void *
prefault(void *arg)
{
	struct daemon *d = arg;
	struct err e = { 0 };

	if (store_prefault(d->store, &d->stop_prefault, &e) < 0)
		log_warning("prefault", "error=\"%s\"", e.msg);
	return NULL;
}

/* ---- signals -------------------------------------------------------------- */

static void
stop(struct watch_signal *s, int signo)
{
	struct daemon *d =
	    s->signo == SIGTERM
		? (struct daemon *)((char *)s - offsetof(struct daemon, term))
		: (struct daemon *)((char *)s - offsetof(struct daemon, intr));

	log_info("stopping", "signal=%d", signo);
	sd_notify(0, "STOPPING=1");
	loop_stop(d->loop);
}

/* What the file says of freshness; the rest of it needs a restart. */
static void
reload_periods(struct daemon *d)
{
	struct err e = { 0 };
	struct config *c = config_load(d->path, NULL, &e);

	if (c == NULL) {
		log_error("reload_config", "error=\"%s\"", e.msg);
		return;
	}
	d->periods = periods_of(c);
	config_free(c);
}

/* Certificates, revocations, periods and data files, each whole or not at
 * all. */
static void
reload(struct watch_signal *s, int signo)
{
	struct daemon *d =
	    (struct daemon *)((char *)s - offsetof(struct daemon, hup));
	struct err e = { 0 };
	struct catalog *next;

	(void)signo;
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)(clock_monotonic_ns() / 1000));
	if (tls_server_reload(d->tls, &e) < 0)
		log_error("reload_tls", "error=\"%s\"", e.msg);
	err_clear(&e);
	reload_periods(d);
	if ((next = load_catalog(d, &e)) == NULL) {
		log_error("reload_data", "error=\"%s\"", e.msg);
	} else {
		catalog_unref(d->catalog);
		d->catalog = next;
		search_index_set_catalog(d->search_index, next);
	}
	for (unsigned i = 0; i < d->n_workers; i++) {
		if (next != NULL)
			worker_set_catalog(d->workers[i], next);
		worker_recheck(d->workers[i]);
	}
	log_info("reloaded", "tls_generation=%llu",
	    (unsigned long long)tls_server_generation(d->tls));
	sd_notify(0, "READY=1");
}

static int
watch_signals(struct daemon *d, struct err *e)
{
	d->term = (struct watch_signal){ .raised = stop, .signo = SIGTERM };
	d->intr = (struct watch_signal){ .raised = stop, .signo = SIGINT };
	d->hup = (struct watch_signal){ .raised = reload, .signo = SIGHUP };
	if (watch_signal_start(d->loop, &d->term, e) < 0 ||
	    watch_signal_start(d->loop, &d->intr, e) < 0)
		return -1;
	return watch_signal_start(d->loop, &d->hup, e);
}

/* ---- run ------------------------------------------------------------------ */

static void
raise_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static int
start(struct daemon *d, struct err *e)
{
	raise_descriptors();
	/* A file size limit is a full disk: an answer, not an end. */
	signal(SIGXFSZ, SIG_IGN);
	if ((d->loop = loop_new(e)) == NULL ||
	    (d->catalog = load_catalog(d, e)) == NULL || open_tls(d, e) < 0 ||
	    open_store(d, false, false, e) < 0 || open_search(d, e) < 0 ||
	    watch_signals(d, e) < 0 || open_workers(d, e) < 0)
		return -1;
	if (d->config->store_prefault &&
	    pthread_create(&d->prefault, NULL, prefault, d) == 0)
		d->prefaulting = true;
	return 0;
}

static void
finish(struct daemon *d)
{
	for (unsigned i = 0; i < d->n_workers; i++)
		worker_drain(d->workers[i]);
	for (unsigned i = 0; i < d->n_workers; i++)
		worker_join(d->workers[i]);
	if (d->prefaulting) {
		__atomic_store_n(&d->stop_prefault, true, __ATOMIC_RELAXED);
		pthread_join(d->prefault, NULL);
	}
	if (d->loop != NULL) {
		watch_signal_stop(&d->term);
		watch_signal_stop(&d->intr);
		watch_signal_stop(&d->hup);
	}
	search_index_free(d->search_index);
	store_close(d->store);
	tls_server_free(d->tls);
	catalog_unref(d->catalog);
	loop_free(d->loop);
}

static int
run(struct daemon *d)
{
	struct err e = { 0 };

	if (start(d, &e) < 0) {
		complain(&e);
		log_error("start", "error=\"%s\"", e.msg);
		finish(d);
		return EXIT_FAILURE;
	}
	log_info("ready", "version=%s address=%s port=%u workers=%u",
	    RESOPRO_VERSION, d->config->addresses[0],
	    worker_port(d->workers[0]), d->n_workers);
	sd_notifyf(0, "READY=1\nSTATUS=serving on %s", d->config->addresses[0]);
	loop_run(d->loop);
	finish(d);
	log_info("stopped", "version=%s", RESOPRO_VERSION);
	return EXIT_SUCCESS;
}

/* ---- once ----------------------------------------------------------------- */

static int
init(struct daemon *d, const struct args *a)
{
	struct err e = { 0 };
	int rc = open_store(d, true, false, &e);

	if (rc == 0)
		rc = service_bootstrap(d->store, a->init, a->organisation,
		    a->name, a->pin, &e);
	store_close(d->store);
	if (rc < 0)
		return complain(&e);
	printf("The register is in %s.\n"
	       "First administrator: %s, for %s.\n"
	       "Its certificate: resopro pki account DIR %s\n",
	    d->config->store_dir, a->init, a->organisation, a->init);
	return EXIT_SUCCESS;
}

static int
verify(struct daemon *d)
{
	char hex[2 * STORE_HASH_LEN + 1];
	struct verify_report r;
	struct err e = { 0 };
	int rc = open_store(d, false, true, &e);

	if (rc == 0)
		rc = store_verify(d->store, NULL, &r, &e);
	store_close(d->store);
	if (rc < 0)
		return complain(&e);
	digest_hex(r.head_hash, STORE_HASH_LEN, hex);
	printf("ok: revision %llu, %llu commits, %llu records, %llu index "
	       "keys\nhead %s\n",
	    (unsigned long long)r.head_revision, (unsigned long long)r.commits,
	    (unsigned long long)r.records, (unsigned long long)r.index_keys,
	    hex);
	return EXIT_SUCCESS;
}

static int
with_config(const struct args *a)
{
	struct daemon d = { 0 };
	struct err e = { 0 };
	struct config *config =
	    config_load(a->config, a->test ? stderr : NULL, &e);
	int rc;

	if (config == NULL)
		return complain(&e);
	d.path = a->config;
	d.config = config;
	d.periods = periods_of(config);
	log_set_level((enum log_level)config->log_level);
	if (a->test) {
		printf("%s: ok\n", a->config);
		rc = EXIT_SUCCESS;
	} else if (a->init != NULL) {
		rc = init(&d, a);
	} else if (a->verify) {
		rc = verify(&d);
	} else {
		rc = run(&d);
	}
	config_free(config);
	return rc;
}

int
main(int argc, char **argv)
{
	struct args a;

	umask(077);
	if (parse(&a, argc, argv) < 0) {
		usage(stderr);
		return EXIT_BAD_USAGE;
	}
	if (a.help) {
		usage(stdout);
		return EXIT_SUCCESS;
	}
	if (a.version) {
		puts("resoprod " RESOPRO_VERSION);
		return EXIT_SUCCESS;
	}
	return with_config(&a);
}
