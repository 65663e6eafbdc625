/* watch.h - Registry.Watch: the streams of one worker. */
#ifndef SERVICE_WATCH_H
#define SERVICE_WATCH_H

#include "service/context.h"

struct watchers *watchers_new(struct service *, struct err *);
void watchers_free(struct watchers *); /* after the calls */

/* The head moved: deliver what can be delivered. */
void watchers_moved(struct watchers *);
/* Another day has begun: some records may be due or stale now. */
void watchers_new_day(struct watchers *);
uint64_t watchers_open(const struct watchers *);

#endif
