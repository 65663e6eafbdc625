/* referrals.h - the methods of resopro.v1.Referrals. */
#ifndef SERVICE_REFERRALS_H
#define SERVICE_REFERRALS_H

#include "rpc/call.h"

extern const struct rpc_method referrals_methods[];

#endif
