/* pbw.h - protobuf messages and gRPC frames, written field by field.  What
 * does not fit in memory ends the program. */
#ifndef LOAD_PBW_H
#define LOAD_PBW_H

#include <stddef.h>
#include <stdint.h>

#include "wire/buf.h"

void pbw_number(struct buf *, unsigned field, uint64_t); /* 0 is left out */
void pbw_bytes(struct buf *, unsigned field, const void *, size_t);
void pbw_text(struct buf *, unsigned field, const char *); /* "" likewise */
void pbw_message(struct buf *, unsigned field, const struct buf *);

/* Begin a message of a stream of them; the length is known at its end. */
size_t frame_begin(struct buf *);
void frame_end(struct buf *, size_t begun);

#endif
