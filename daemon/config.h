/*
 * config.h - resoprod.conf: one table of options, read, checked, documented.
 *
 * Only main.c includes this; it copies the values into each module's options.
 * Thread: one.  Blocks: reads one file.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "wire/err.h"

enum {
	CONFIG_ADDRESSES = 8, /* of [listen] address */
};

/* Each choice counts from 0 in the order that the option's row lists. */
enum config_client_cert { CONFIG_CERT_REQUIRED, CONFIG_CERT_REQUESTED };
enum config_engine { CONFIG_ENGINE_LOCAL };

/* Texts are owned and never NULL; "" is "not given".  Sizes are bytes. */
struct config {
	char *addresses[CONFIG_ADDRESSES]; /* [listen] address */
	unsigned address_count;

	char *tls_cert_file, *tls_key_file, *tls_ca_file;
	char *tls_crl_file;       /* "": no revocations */
	unsigned tls_client_cert; /* enum config_client_cert */
	bool tls_allow_tls12;
	uint64_t tls_sessions;

	char *store_dir;
	uint64_t store_map_size;
	uint64_t store_quota; /* 0: map_size less a reserve */
	uint64_t store_request_ids;
	bool store_prefault;

	uint64_t workers; /* 0: one a core */
	uint64_t drain_ms;

	char *data_dir;

	/* As struct rpc_limits (rpc/server.h), under the same names. */
	uint64_t max_request_bytes, max_response_bytes, arena_bytes;
	uint64_t send_high_water, max_header_bytes, max_connection_bytes;
	uint64_t max_waiting_bytes;
	uint64_t max_streams, max_connections, max_connections_per_address;
	uint64_t abuse_per_second;
	uint64_t handshake_ms, preface_ms, request_ms, idle_ms;
	uint64_t keepalive_ms, keepalive_timeout_ms;

	/* As struct service_limits (service/service.h). */
	uint64_t retire_percent, retire_free;
	uint64_t sync_max_records, sync_max_bytes, sync_total_bytes;
	uint64_t syncs, watches, list_work;

	/* How long a confirmation holds, in days; 0: for ever. */
	uint64_t fresh_organisation, fresh_site, fresh_offer;
	uint64_t fresh_warn_percent; /* the last share of it is due */

	unsigned log_level;  /* enum log_level */
	unsigned log_engine; /* enum config_engine */
};

/*
 * Read and check `path`; options that it does not give have their default.
 * `problems`: each mistake is written there as "FILE:LINE: what is wrong and
 * what is allowed"; NULL: only the first is told, in *e.
 * Owns:  the caller's, until config_free().
 * Fails: NULL; ERR_IO (unreadable), ERR_INVALID, ERR_NOMEM; the message names
 *        file and line.
 */
struct config *config_load(const char *path, FILE *problems, struct err *);
/* The defaults alone: what an empty file gives. */
struct config *config_default(struct err *);
void config_free(struct config *); /* NULL is a no-op */

/* Write config/resoprod.conf: every option, commented, with its default. */
void config_write_file(FILE *);
/* Write the option list of resoprod.conf(5), in mdoc. */
void config_write_manual(FILE *);

#endif
