/*
 * h2client.h - a blocking HTTP/2 client for tests: TLS or clear text, well
 * behaved (nghttp2) or raw bytes.  Every wait ends after 20 s with an assert.
 */
#ifndef SUPPORT_H2CLIENT_H
#define SUPPORT_H2CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct h2c;
struct ssl_ctx_st;

struct h2c_answer { /* of one stream, as far as it has come */
	bool headers, closed;
	unsigned status;
	uint32_t error; /* when closed */
	size_t body_len;
	uint8_t body[256]; /* its first bytes */
	char trailer[64];  /* the value of grpc-status, or "" */
};

/* Connect to 127.0.0.1; `tls` NULL: clear text.  NULL: the handshake was
 * refused.  With TLS 1.3 a refusal may only show at the first read. */
struct h2c *h2c_connect(uint16_t port, struct ssl_ctx_st *tls);
void h2c_free(struct h2c *); /* NULL is a no-op */

/* ---- well behaved ------------------------------------------------------ */
/* Send preface and SETTINGS with these windows (0: nghttp2's). */
void h2c_start(struct h2c *, uint32_t stream_window, int32_t connection_window);
/* Queue a request: GET without a body, else POST; returns the stream's id. */
int32_t h2c_request(struct h2c *, const char *path, const void *body,
    size_t len);
/* The same with a header of `len` bytes more. */
int32_t h2c_request_big(struct h2c *, const char *path, size_t len);
void h2c_reset(struct h2c *, int32_t id);
void h2c_ping(struct h2c *);
void h2c_flush(struct h2c *);
/* Send, then read once.  False: the server closed the connection. */
bool h2c_step(struct h2c *);
/* Step until the stream is closed; false: the connection was, before. */
bool h2c_finish(struct h2c *, int32_t id);
/* Step until the connection is closed. */
void h2c_until_closed(struct h2c *);
const struct h2c_answer *h2c_answer(const struct h2c *, int32_t id);

/* ---- raw --------------------------------------------------------------- */
bool h2c_write(struct h2c *, const void *, size_t); /* false: broken */
/* Preface and an empty SETTINGS. */
void h2c_write_preface(struct h2c *);
bool h2c_write_frame(struct h2c *, uint8_t type, uint8_t flags, int32_t id,
    const void *payload, size_t len);
/* 0: closed by the server. */
size_t h2c_read(struct h2c *, void *to, size_t cap);
/* The read that gave 0 saw a close in good order, not a reset. */
bool h2c_ended_well(const struct h2c *);
/* OpenSSL's reason for the read that failed, e.g. of an alert; 0: none. */
int h2c_alert(const struct h2c *);
/* Read frames until the server closes; fills in the last GOAWAY's code. */
void h2c_read_to_end(struct h2c *);

/* ---- both -------------------------------------------------------------- */
unsigned h2c_goaways(const struct h2c *);
uint32_t h2c_goaway_error(const struct h2c *);
int32_t h2c_goaway_last_id(const struct h2c *);
/* Application records (TLS) or reads (clear) so far. */
unsigned h2c_reads(const struct h2c *);
/* Bytes the kernel has for us, unread. */
size_t h2c_unread(const struct h2c *);

#endif
