/*
 * push_send.h - send one set, again where that helps, and tell how it went; and
 * the sets that a spool holds.
 *
 * Thread: one.  Blocks: on the network, the files and the output.
 */
#ifndef CLI_PUSH_SEND_H
#define CLI_PUSH_SEND_H

#include "plan.h"
#include "push_feed.h"
#include "spool.h"

enum push_sent {
	PUSH_SENT,    /* told; *code may be EXIT_PARTIAL */
	PUSH_LATER,   /* not told: the server is out of reach, or busy */
	PUSH_STUCK,   /* told: nothing would be accepted from us now */
	PUSH_REFUSED, /* told: this set will never be */
};

/* `skipped` records of the files are not in the set. */
enum push_sent push_send(struct cli *, struct push_feed *, uint32_t total,
    struct plan *, uint32_t skipped, int *code, struct rsp_error *);

/* Send one set of the spool; what becomes of it is done: removed, set aside
 * with the reason, or left. */
enum push_sent push_send_spooled(struct spool *, const struct spool_set *,
    int *code, struct rsp_error *);

/*
 * All sets that wait, are ours and not too old, in their order, up to the
 * first that must wait longer.  *code is then EXIT_PARTIAL when one was
 * refused, else what the last one gave.
 */
enum push_sent push_send_waiting(struct spool *, int *code, struct rsp_error *);

#endif
