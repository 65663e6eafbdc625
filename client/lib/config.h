/* config.h - a client's options, checked and copied. */
#ifndef CLIENT_CONFIG_H
#define CLIENT_CONFIG_H

#include <resopro/client.h>

struct rsp_config {
	char *host, *port;
	char *where;     /* "host:port", for messages */
	char *authority; /* of the requests */
	char *name;      /* that the certificate must bear */
	char *user_agent;
	char *authorization; /* "Bearer ...", or NULL */
	uint32_t connect_timeout_ms, deadline_ms, keepalive_ms;
	uint32_t max_message, max_buffered;
	bool gzip, no_retry;
};

/* Fails: -1 with RSP_ERR_CONFIG (names the option), RSP_ERR_NOMEM; the config
 * is to be freed all the same. */
int rsp_config_set(struct rsp_config *, const struct rsp_client_opts *,
    struct rsp_error *);
void rsp_config_free(struct rsp_config *);

#endif
