/* ownership.h - resopro.v1.Ownership: disputes and transfers. */
#ifndef SERVICE_OWNERSHIP_H
#define SERVICE_OWNERSHIP_H

#include "rpc/call.h"

extern const struct rpc_method ownership_methods[];

#endif
