/* ownership.c - see ownership.h. */
#include "service/ownership.h"

#include "resopro/v1/ownership.pb-c.h"
#include "service/disputes.h"
#include "service/transfers.h"
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
	{ .path = "/resopro.v1.Ownership/RequestTransfer",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__request_transfer_request__descriptor,
	    .message = transfers_request,
	    .closed = write_closed },
	{ .path = "/resopro.v1.Ownership/OfferTransfer",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__offer_transfer_request__descriptor,
	    .message = transfers_offer,
	    .closed = write_closed },
	{ .path = "/resopro.v1.Ownership/ApproveTransfer",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__approve_transfer_request__descriptor,
	    .message = transfers_approve,
	    .closed = write_closed },
	{ .path = "/resopro.v1.Ownership/RejectTransfer",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__end_transfer_request__descriptor,
	    .message = transfers_reject,
	    .closed = write_closed },
	{ .path = "/resopro.v1.Ownership/CancelTransfer",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__end_transfer_request__descriptor,
	    .message = transfers_cancel,
	    .closed = write_closed },
	{ .path = NULL },
};
