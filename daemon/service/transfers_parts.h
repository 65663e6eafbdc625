/*
 * transfers_parts.h - what transfers.c (ending) and transfers_begin.c share.
 */
#ifndef SERVICE_TRANSFERS_PARTS_H
#define SERVICE_TRANSFERS_PARTS_H

#include "service/transfers.h"

#define TRANSFER RESOPRO__V1__KIND__KIND_TRANSFER
#define SECRET RESOPRO__V1__KIND__KIND_SECRET
#define ORGANISATION RESOPRO__V1__KIND__KIND_ORGANISATION
#define PENDING RESOPRO__V1__TRANSFER_STATE__TRANSFER_STATE_PENDING
#define OFFERED RESOPRO__V1__TRANSFER_WAY__TRANSFER_WAY_OFFER
#define REQUESTED RESOPRO__V1__TRANSFER_WAY__TRANSFER_WAY_REQUEST

struct transfer_write {
	struct write write; /* first */
	/* Of a new one: */
	Resopro__V1__Kind kind;
	const char *record_id, *to;
	uint32_t days;
	bool offer;
	char secret[32];
	/* Of one that is: */
	const char *given; /* secret */
	Resopro__V1__TransferState end;
	/* Of both: */
	const char *id, *text; /* message, reason */
};

int transfer_refuse(struct err *, enum err_code, const char *field,
    const char *reason, const char *what, const char *remedy);
/* "" or at most 500 characters. */
int transfer_check_text(const char *field, const char *text, struct err *);

Google__Protobuf__Timestamp *transfer_timestamp(struct arena *, int64_t ns);

/* The transfer, or ERR_NOT_FOUND. */
int transfer_read(struct view *, struct arena *, const char *id,
    Resopro__V1__Record **, struct err *);
/* The record that is to change hands, or ERR_NOT_FOUND. */
int transfer_root(struct view *, struct arena *, Resopro__V1__Kind,
    const char *id, Resopro__V1__Record **, struct err *);
/* What goes along with it to `to`. */
int transfer_gather(struct moving *, struct decision *, struct arena *,
    Resopro__V1__Record *root, const char *to, struct err *);
/* Loop thread: the transfer as the commit left it; NULL with *e. */
Resopro__V1__Record *transfer_read_back(struct transfer_write *, struct err *);

#endif
