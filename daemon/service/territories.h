/* territories.h - the methods of resopro.v1.Territories. */
#ifndef SERVICE_TERRITORIES_H
#define SERVICE_TERRITORIES_H

#include "rpc/call.h"

extern const struct rpc_method territories_methods[];

#endif
