/* config.h - a client's options, checked and copied. */
#ifndef CLIENT_CONFIG_H
#define CLIENT_CONFIG_H

#include <resopro/client.h>

struct rsp_server {
	char *host, *port;
	char *where;     /* "host:port", for messages */
	char *authority; /* of the requests */
	char *name;      /* that the certificate must bear */
};

struct rsp_config {
	struct rsp_server servers[RSP_SERVERS_MAX]; /* in the order to try */
	unsigned nservers;
	char *user_agent;
	char *authorization; /* "Bearer ...", or NULL */
	uint32_t connect_timeout_ms, deadline_ms, return_ms;
	uint32_t keepalive_ms, keepalive_timeout_ms;
	uint32_t max_message, max_buffered;
	bool gzip, no_retry;
	void (*warn)(void *warn_arg, const char *text);
	void *warn_arg;
	void (*lookup)(void *lookup_arg, struct rsp_lookup *, const char *host,
	    const char *port);
	void *lookup_arg;
};

/* Fails: -1 with RSP_ERR_CONFIG (names the option), RSP_ERR_NOMEM; the config
 * is to be freed all the same. */
int rsp_config_set(struct rsp_config *, const struct rsp_client_opts *,
    struct rsp_error *);
void rsp_config_free(struct rsp_config *);

#endif
