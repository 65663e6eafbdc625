/*
 * peer.h - who is at the other end of a connection: its address and, when it
 * showed a certificate that our CA vouches for, what that certificate says.
 *
 * Read-only once the connection is open; valid as long as it is.
 */
#ifndef NET_PEER_H
#define NET_PEER_H

#include <stdbool.h>
#include <stdint.h>

#define PEER_ADDRESS_MAX 64
#define PEER_ACCOUNT_URI "resopro:account:"

struct peer {
	char address[PEER_ADDRESS_MAX]; /* "192.0.2.7:5000", "[::1]:5000" */
	char host[PEER_ADDRESS_MAX];    /* the same without the port */
	bool has_cert;                  /* all below: only then */
	uint8_t cert_sha256[32];        /* of the leaf, as DER */
	char san_uri[160];    /* the first resopro:account: URI, else the
					 * first URI, else ""; never cut short */
	char subject_cn[128]; /* for people; "" when absent */
	char serial[64];      /* upper-case hex */
	int64_t not_after;    /* unix seconds */
};

#endif
