/* address.c - see address.h. */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024 /* a power of two */

struct address_count {
	struct address_count *next;
	uint8_t key[16];
	unsigned open;
};

struct address_table {
	struct address_count *buckets[BUCKETS];
};

static int
parse_port(const char *s, uint16_t *port)
{
	unsigned n = 0;
	const char *p = s;

	for (; *p >= '0' && *p <= '9' && p - s < 6; p++)
		n = n * 10 + (unsigned)(*p - '0');
	if (p == s || *p != '\0' || n > 65535)
		return -1;
	*port = (uint16_t)n;
	return 0;
}

static int
parse_host(const char *host, uint16_t port, struct sockaddr_storage *out,
    socklen_t *len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof *out);
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*len = sizeof *v4;
		return 0;
	}
	if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
		return -1;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	*len = sizeof *v6;
	return 0;
}

int
address_parse(const char *text, struct sockaddr_storage *out, socklen_t *len,
    struct err *e)
{
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2];
	size_t n = colon == NULL ? 0 : (size_t)(colon - text);
	const char *start = host;
	uint16_t port;

	if (colon == NULL || n >= sizeof host ||
	    parse_port(colon + 1, &port) != 0)
		goto bad;
	memcpy(host, text, n);
	host[n] = '\0';
	if (n == 0 || strcmp(host, "*") == 0) {
		start = "::";
	} else if (host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		start = host + 1;
	} else if (strchr(host, ':') != NULL) {
		goto bad; /* which colon is the port's? */
	}
	if (parse_host(start, port, out, len) == 0)
		return 0;
bad:
	err_set(e, ERR_INVALID, "\"%s\" is not an address and port", text);
	return err_remedy(e,
	    "write 192.0.2.7:50051, [2001:db8::7]:50051 or *:50051");
}

static bool
is_v4_in_v6(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET6 &&
	       IN6_IS_ADDR_V4MAPPED(
		   &((const struct sockaddr_in6 *)a)->sin6_addr);
}

void
address_format(const struct sockaddr_storage *a, struct peer *p)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;
	char host[INET6_ADDRSTRLEN] = "?";
	unsigned port = 0;

	if (a->ss_family == AF_INET) {
		(void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
		port = ntohs(v4->sin_port);
	} else if (is_v4_in_v6(a)) {
		(void)inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, host,
		    sizeof host);
		port = ntohs(v6->sin6_port);
	} else if (a->ss_family == AF_INET6) {
		(void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
		port = ntohs(v6->sin6_port);
	}
	(void)snprintf(p->host, sizeof p->host, "%s", host);
	(void)snprintf(p->address, sizeof p->address,
	    strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
}

struct address_table *
address_table_new(void)
{
	return calloc(1, sizeof(struct address_table));
}

void
address_table_free(struct address_table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (t->buckets[i] != NULL) {
			struct address_count *c = t->buckets[i];

			t->buckets[i] = c->next;
			free(c);
		}
	free(t);
}

static void
make_key(const struct sockaddr_storage *a, uint8_t key[16])
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;

	memset(key, 0, 16);
	if (a->ss_family == AF_INET)
		memcpy(key + 12, &v4->sin_addr, 4);
	else if (is_v4_in_v6(a))
		memcpy(key + 12, v6->sin6_addr.s6_addr + 12, 4);
	else if (a->ss_family == AF_INET6)
		memcpy(key, &v6->sin6_addr, 8);
}

static struct address_count **
bucket_of(struct address_table *t, const uint8_t key[16])
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < 16; i++)
		hash = (hash ^ key[i]) * UINT64_C(1099511628211);
	return &t->buckets[(hash >> 20) & (BUCKETS - 1)];
}

struct address_count *
address_enter(struct address_table *t, const struct sockaddr_storage *a,
    unsigned max)
{
	uint8_t key[16];
	struct address_count **at, *c;

	make_key(a, key);
	at = bucket_of(t, key);
	for (c = *at; c != NULL; c = c->next)
		if (memcmp(c->key, key, sizeof key) == 0) {
			if (c->open >= max)
				return NULL;
			c->open++;
			return c;
		}
	c = max == 0 ? NULL : calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	memcpy(c->key, key, sizeof key);
	c->open = 1;
	c->next = *at;
	*at = c;
	return c;
}

void
address_leave(struct address_table *t, struct address_count *c)
{
	struct address_count **at;

	if (c == NULL || --c->open > 0)
		return;
	for (at = bucket_of(t, c->key); *at != c; at = &(*at)->next)
		;
	*at = c->next;
	free(c);
}
