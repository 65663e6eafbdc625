/*
 * address.h - socket addresses: from text, to text, and how many connections
 * each has open.
 *
 * Thread: one at a time.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "net/peer.h"
#include "wire/err.h"

/* "127.0.0.1:50051", "[::1]:50051", ":50051" and "*:50051" (any, v6 and v4).
 * Numeric only.  Fails: ERR_INVALID. */
int address_parse(const char *, struct sockaddr_storage *, socklen_t *,
    struct err *);

/* Fill in address and host.  IPv4 in IPv6 is written as IPv4. */
void address_format(const struct sockaddr_storage *, struct peer *);

/* ---- connections an address -------------------------------------------- */
struct address_count; /* one address that has connections */
struct address_table;

struct address_table *address_table_new(void); /* NULL: no memory */
void address_table_free(struct address_table *);

/* One more from there.  NULL: `max` are open already, or no memory.  An IPv6
 * /64 counts as one address: a host gets as many as it likes of them. */
struct address_count *address_enter(struct address_table *,
    const struct sockaddr_storage *, unsigned max);
void address_leave(struct address_table *, struct address_count *);

#endif
