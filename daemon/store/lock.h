/* lock.h - one daemon a store directory.  For this folder only. */
#ifndef STORE_LOCK_H
#define STORE_LOCK_H

#include "wire/err.h"

/* Lock DIR/resoprod.lock and write our pid in it.  The descriptor holds the
 * lock until it is closed.  -1: ERR_CONFLICT naming the holder's pid, ERR_IO. */
int lock_take(const char *dir, struct err *);

#endif
