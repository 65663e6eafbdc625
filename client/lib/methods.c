/* methods.c - the methods of the services, as <resopro/client.h> names them. */
#include <resopro/client.h>

#include <string.h>

#include <resopro/v1/activities.pb-c.h>
#include <resopro/v1/admin.pb-c.h>
#include <resopro/v1/memberships.pb-c.h>
#include <resopro/v1/ownership.pb-c.h>
#include <resopro/v1/referrals.pb-c.h>
#include <resopro/v1/registry.pb-c.h>
#include <resopro/v1/territories.pb-c.h>

#define METHOD(name, service, method, in, out, kind_, effect_)                 \
	const struct rsp_method name = { .path = "/resopro.v1." service        \
						 "/" method,                   \
		.input = &resopro__v1__##in##__descriptor,                     \
		.output = &resopro__v1__##out##__descriptor,                   \
		.kind = (kind_),                                               \
		.effect = (effect_) }

/* clang-format off */
METHOD(rsp_registry_get, "Registry", "Get",
    get_request, get_response, RSP_UNARY, RSP_READ);
METHOD(rsp_registry_batch_get, "Registry", "BatchGet",
    batch_get_request, batch_get_response, RSP_UNARY, RSP_READ);
METHOD(rsp_registry_list, "Registry", "List",
    list_request, list_response, RSP_UNARY, RSP_READ);
METHOD(rsp_registry_search, "Registry", "Search",
    search_request, search_response, RSP_UNARY, RSP_READ);
METHOD(rsp_registry_put, "Registry", "Put",
    put_request, put_response, RSP_UNARY, RSP_WRITE_ID);
METHOD(rsp_registry_delete, "Registry", "Delete",
    delete_request, delete_response, RSP_UNARY, RSP_WRITE_ID);
METHOD(rsp_registry_confirm, "Registry", "Confirm",
    confirm_request, confirm_response, RSP_UNARY, RSP_WRITE_ID);
METHOD(rsp_registry_history, "Registry", "History",
    history_request, history_response, RSP_UNARY, RSP_READ);
METHOD(rsp_registry_sync, "Registry", "Sync",
    sync_request, sync_response, RSP_BIDI, RSP_WRITE_ID);
METHOD(rsp_registry_watch, "Registry", "Watch",
    watch_request, watch_response, RSP_SERVER_STREAM, RSP_READ);
METHOD(rsp_registry_freshness_counts, "Registry", "FreshnessCounts",
    freshness_counts_request, freshness_counts_response, RSP_UNARY, RSP_READ);
METHOD(rsp_ownership_resolve_dispute, "Ownership", "ResolveDispute",
    resolve_dispute_request, ownership_response, RSP_UNARY, RSP_WRITE_ID);
METHOD(rsp_ownership_withdraw_dispute, "Ownership", "WithdrawDispute",
    withdraw_dispute_request, ownership_response, RSP_UNARY, RSP_WRITE_ID);
METHOD(rsp_ownership_request_transfer, "Ownership", "RequestTransfer",
    request_transfer_request, begun_transfer_response, RSP_UNARY, RSP_WRITE_ID);
METHOD(rsp_ownership_offer_transfer, "Ownership", "OfferTransfer",
    offer_transfer_request, begun_transfer_response, RSP_UNARY, RSP_WRITE_ID);
METHOD(rsp_ownership_approve_transfer, "Ownership", "ApproveTransfer",
    approve_transfer_request, ownership_response, RSP_UNARY, RSP_WRITE_ID);
METHOD(rsp_ownership_reject_transfer, "Ownership", "RejectTransfer",
    end_transfer_request, ownership_response, RSP_UNARY, RSP_WRITE_ID);
METHOD(rsp_ownership_cancel_transfer, "Ownership", "CancelTransfer",
    end_transfer_request, ownership_response, RSP_UNARY, RSP_WRITE_ID);
METHOD(rsp_memberships_record_status, "Memberships", "RecordStatus",
    record_status_request, status_response, RSP_UNARY, RSP_WRITE_ID);
METHOD(rsp_memberships_end_status, "Memberships", "EndStatus",
    end_status_request, status_response, RSP_UNARY, RSP_WRITE_ID);
METHOD(rsp_activities_declare, "Activities", "Declare",
    declare_request, declare_response, RSP_UNARY, RSP_WRITE_ID);
METHOD(rsp_activities_list, "Activities", "List",
    list_activities_request, list_activities_response, RSP_UNARY, RSP_READ);
METHOD(rsp_referrals_find, "Referrals", "Find",
    find_request, find_response, RSP_UNARY, RSP_READ);
METHOD(rsp_territories_resolve, "Territories", "Resolve",
    resolve_request, resolve_response, RSP_UNARY, RSP_READ);
METHOD(rsp_territories_list_zones, "Territories", "ListZones",
    list_zones_request, list_zones_response, RSP_UNARY, RSP_READ);
METHOD(rsp_admin_who_am_i, "Admin", "WhoAmI",
    who_am_irequest, who_am_iresponse, RSP_UNARY, RSP_READ);
METHOD(rsp_admin_explain, "Admin", "Explain",
    explain_request, explain_response, RSP_UNARY, RSP_READ);
METHOD(rsp_admin_put_account, "Admin", "PutAccount",
    put_account_request, account_response, RSP_UNARY, RSP_WRITE_ID);
METHOD(rsp_admin_get_account, "Admin", "GetAccount",
    get_account_request, account_response, RSP_UNARY, RSP_READ);
METHOD(rsp_admin_list_accounts, "Admin", "ListAccounts",
    list_accounts_request, list_accounts_response, RSP_UNARY, RSP_READ);
METHOD(rsp_admin_create_token, "Admin", "CreateToken",
    create_token_request, create_token_response, RSP_UNARY, RSP_WRITE_ID);
METHOD(rsp_admin_revoke_token, "Admin", "RevokeToken",
    revoke_token_request, account_response, RSP_UNARY, RSP_WRITE_ID);
METHOD(rsp_admin_revoke_certificate, "Admin", "RevokeCertificate",
    revoke_certificate_request, account_response, RSP_UNARY, RSP_WRITE_ID);
METHOD(rsp_admin_status, "Admin", "Status",
    status_request, daemon_status, RSP_UNARY, RSP_READ);
METHOD(rsp_admin_verify, "Admin", "Verify",
    verify_request, verify_response, RSP_UNARY, RSP_READ);
/* clang-format on */

static const struct rsp_method *const methods[] = {
	&rsp_registry_get,
	&rsp_registry_batch_get,
	&rsp_registry_list,
	&rsp_registry_search,
	&rsp_registry_put,
	&rsp_registry_delete,
	&rsp_registry_confirm,
	&rsp_registry_history,
	&rsp_registry_sync,
	&rsp_registry_watch,
	&rsp_registry_freshness_counts,
	&rsp_ownership_resolve_dispute,
	&rsp_ownership_withdraw_dispute,
	&rsp_ownership_request_transfer,
	&rsp_ownership_offer_transfer,
	&rsp_ownership_approve_transfer,
	&rsp_ownership_reject_transfer,
	&rsp_ownership_cancel_transfer,
	&rsp_memberships_record_status,
	&rsp_memberships_end_status,
	&rsp_activities_declare,
	&rsp_activities_list,
	&rsp_referrals_find,
	&rsp_territories_resolve,
	&rsp_territories_list_zones,
	&rsp_admin_who_am_i,
	&rsp_admin_explain,
	&rsp_admin_put_account,
	&rsp_admin_get_account,
	&rsp_admin_list_accounts,
	&rsp_admin_create_token,
	&rsp_admin_revoke_token,
	&rsp_admin_revoke_certificate,
	&rsp_admin_status,
	&rsp_admin_verify,
};

#define NMETHODS (sizeof methods / sizeof methods[0])

const struct rsp_method *
rsp_method_at(size_t i)
{
	return i < NMETHODS ? methods[i] : NULL;
}

const struct rsp_method *
rsp_method_find(const char *name)
{
	static const char package[] = "/resopro.v1.";

	for (size_t i = 0; i < NMETHODS; i++) {
		const char *path = methods[i]->path;

		if (strcmp(name, path) == 0 ||
		    strcmp(name, path + sizeof package - 1) == 0)
			return methods[i];
	}
	return NULL;
}
