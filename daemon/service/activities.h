/* activities.h - the methods of resopro.v1.Activities. */
#ifndef SERVICE_ACTIVITIES_H
#define SERVICE_ACTIVITIES_H

#include "rpc/call.h"

extern const struct rpc_method activities_methods[];

#endif
