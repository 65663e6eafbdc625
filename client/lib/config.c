/* config.c - see config.h. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "fail.h"

#define AGENT "libresopro/" RSP_VERSION
#define MIB ((uint32_t)1 << 20)

static int
bad_server(const char *server, const char *what, struct rsp_error *e)
{
	return rsp_fail(e, RSP_ERR_CONFIG, "SERVER",
	    "write \"host\", \"host:port\" or \"[IPv6 address]:port\"; several "
	    "apart by commas",
	    "server: \"%s\": %s", server, what);
}

static bool
is_port(const char *port)
{
	size_t len = strspn(port, "0123456789");

	return len > 0 && len <= 5 && port[len] == '\0' && atol(port) > 0 &&
	       atol(port) <= 65535;
}

/* "host", "host:port", "[v6]", "[v6]:port" */
static int
split_server(struct rsp_server *to, const char *server, struct rsp_error *e)
{
	bool bracket = server[0] == '[';
	const char *host = server + bracket;
	size_t len = strcspn(host, bracket ? "]" : ":");
	const char *rest = host + len, *port = RSP_DEFAULT_PORT;

	if (len == 0 || len > 253 || strpbrk(server, " /@\t\r\n") != NULL)
		return bad_server(server, "is not a host", e);
	if (bracket && *rest++ != ']')
		return bad_server(server, "the bracket is not closed", e);
	if (*rest == ':') {
		port = rest + 1;
		if (!bracket && strchr(port, ':') != NULL)
			return bad_server(server,
			    "an IPv6 address goes into brackets", e);
	} else if (*rest != '\0') {
		return bad_server(server, "something follows the address", e);
	}
	if (!is_port(port))
		return bad_server(server, "the port is not 1 to 65535", e);
	to->host = strndup(host, len);
	to->port = strdup(port);
	return to->host != NULL && to->port != NULL ? 0 : rsp_fail_nomem(e);
}

static char *text(const char *fmt, ...) PRINTF_LIKE(1, 2);
static char *
text(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	return s;
}

/* What goes into a header must not end it. */
static int
check_visible(const char *option, const char *value, const char *more,
    struct rsp_error *e)
{
	for (const char *s = value; s != NULL && *s != '\0'; s++)
		if ((*s < '!' || *s > '~') && strchr(more, *s) == NULL)
			return rsp_fail(e, RSP_ERR_CONFIG, "HEADER", NULL,
			    "%s: has a character that a header cannot hold",
			    option);
	return 0;
}

static const char *
open_bracket(const char *host)
{
	return strchr(host, ':') != NULL ? "[" : "";
}

static const char *
close_bracket(const char *host)
{
	return strchr(host, ':') != NULL ? "]" : "";
}

static int
name_server(struct rsp_server *s, const char *server_name, struct rsp_error *e)
{
	const char *name = server_name != NULL ? server_name : s->host;

	s->where = text("%s%s%s:%s", open_bracket(s->host), s->host,
	    close_bracket(s->host), s->port);
	s->authority = text("%s%s%s:%s", open_bracket(name), name,
	    close_bracket(name), s->port);
	s->name = strdup(name);
	return s->where != NULL && s->authority != NULL && s->name != NULL
		   ? 0
		   : rsp_fail_nomem(e);
}

static char *
trim(char *s)
{
	size_t len;

	s += strspn(s, " \t");
	for (len = strlen(s); len > 0 && strchr(" \t", s[len - 1]); len--)
		s[len - 1] = '\0';
	return s;
}

/* "a:1, b" */
static int
split_servers(struct rsp_config *c, const struct rsp_client_opts *o,
    struct rsp_error *e)
{
	char *list = strdup(o->server), *rest = list, *one;
	int rc = list != NULL ? 0 : rsp_fail_nomem(e);

	while (rc == 0 && (one = strsep(&rest, ",")) != NULL) {
		struct rsp_server *s = &c->servers[c->nservers];

		if (c->nservers == RSP_SERVERS_MAX) {
			rc =
			    bad_server(o->server, "has more than 8 servers", e);
			break;
		}
		c->nservers++;
		if (split_server(s, trim(one), e) != 0 ||
		    name_server(s, o->server_name, e) != 0)
			rc = -1;
	}
	free(list);
	return rc;
}

/* Without randomness the order stays as it was given. */
static void
shuffle(struct rsp_config *c)
{
	uint32_t random[RSP_SERVERS_MAX];

	if (getrandom(random, sizeof random, GRND_NONBLOCK) !=
	    (ssize_t)sizeof random)
		return;
	for (unsigned i = c->nservers - 1; i > 0; i--) {
		unsigned j = random[i] % (i + 1);
		struct rsp_server s = c->servers[i];

		c->servers[i] = c->servers[j];
		c->servers[j] = s;
	}
}

static int
set_texts(struct rsp_config *c, const struct rsp_client_opts *o,
    struct rsp_error *e)
{
	c->user_agent = o->user_agent != NULL ? text("%s " AGENT, o->user_agent)
					      : strdup(AGENT);
	if (o->token != NULL)
		c->authorization = text("Bearer %s", o->token);
	if (c->user_agent == NULL ||
	    (o->token != NULL && c->authorization == NULL))
		return rsp_fail_nomem(e);
	return 0;
}

static uint32_t
number(uint32_t value, uint32_t otherwise)
{
	return value != 0 ? value : otherwise;
}

/* A server that falls silent must be left while the calls' deadlines still
 * allow another one. */
static void
set_numbers(struct rsp_config *c, const struct rsp_client_opts *o)
{
	bool others = c->nservers > 1;

	c->connect_timeout_ms = number(o->connect_timeout_ms, 10000);
	c->deadline_ms = number(o->deadline_ms, 30000);
	c->return_ms = number(o->return_ms, 300000);
	c->keepalive_ms = number(o->keepalive_ms, others ? 10000 : 30000);
	c->keepalive_timeout_ms =
	    number(o->keepalive_timeout_ms, others ? 5000 : 20000);
	c->max_message = number(o->max_message_bytes, 4 * MIB);
	c->max_buffered = number(o->max_buffered_bytes, 64 * MIB);
}

int
rsp_config_set(struct rsp_config *c, const struct rsp_client_opts *o,
    struct rsp_error *e)
{
	if (o->size != sizeof *o)
		return rsp_fail(e, RSP_ERR_CONFIG, "SIZE", NULL,
		    "size: must be sizeof (struct rsp_client_opts), %zu, of "
		    "this version of the library; it is %zu",
		    sizeof *o, o->size);
	if (o->server == NULL || o->server[0] == '\0')
		return rsp_fail(e, RSP_ERR_CONFIG, "SERVER", NULL,
		    "server: is required");
	if (check_visible("token", o->token, "", e) != 0 ||
	    check_visible("user_agent", o->user_agent, " ", e) != 0 ||
	    check_visible("server_name", o->server_name, "", e) != 0 ||
	    split_servers(c, o, e) != 0 || set_texts(c, o, e) != 0)
		return -1;
	if (o->shuffle)
		shuffle(c);
	set_numbers(c, o);
	c->gzip = o->gzip;
	c->no_retry = o->no_retry;
	c->warn = o->warn;
	c->warn_arg = o->warn_arg;
	c->lookup = o->lookup;
	c->lookup_arg = o->lookup_arg;
	return 0;
}

static void
free_secret(char *s)
{
	if (s != NULL)
		explicit_bzero(s, strlen(s));
	free(s);
}

void
rsp_config_free(struct rsp_config *c)
{
	for (unsigned i = 0; i < c->nservers; i++) {
		free(c->servers[i].host);
		free(c->servers[i].port);
		free(c->servers[i].where);
		free(c->servers[i].authority);
		free(c->servers[i].name);
	}
	free(c->user_agent);
	free_secret(c->authorization);
}
