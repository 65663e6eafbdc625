/* clock.h - the only reader of time.  Any thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_monotonic_ns(void); /* durations and deadlines */
int64_t clock_wall_ns(void);      /* unix time, for what people read */

#endif
