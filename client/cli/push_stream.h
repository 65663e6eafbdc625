/*
 * push_stream.h - one attempt to send a set and to receive its plan.
 *
 * Thread: one.  Blocks: on the network, the files and the output.
 */
#ifndef CLI_PUSH_STREAM_H
#define CLI_PUSH_STREAM_H

#include "plan.h"
#include "push_feed.h"

struct push_stream {
	struct cli *cli;
	struct push_feed *feed;
	uint32_t total; /* records, for the progress */
	struct plan *plan;
	Resopro__V1__SyncResult *result; /* when it succeeded; free with
						 * push_stream_free() */
};

/*
 * Send everything, then receive everything; what arrives early is taken in
 * between.  0: .result is set.  -1: *error says how the call ended, or, with
 * RSP_ERR_CONFIG, that a file changed since it was checked.
 */
int push_stream_run(struct push_stream *, struct rsp_client *,
    struct rsp_error *);
void push_stream_free(struct push_stream *);

#endif
