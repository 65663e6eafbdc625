/* ownership.c - see ownership.h. */
#include "service/ownership.h"

#include "resopro/v1/ownership.pb-c.h"
#include "service/disputes.h"
#include "service/write.h"

const struct rpc_method ownership_methods[] = {
	{ .path = "/resopro.v1.Ownership/ResolveDispute",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__resolve_dispute_request__descriptor,
	    .message = disputes_resolve,
	    .closed = write_closed },
	{ .path = "/resopro.v1.Ownership/WithdrawDispute",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__withdraw_dispute_request__descriptor,
	    .message = disputes_withdraw,
	    .closed = write_closed },
	{ .path = NULL },
};
