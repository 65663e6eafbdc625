// What scenario.cc leaves open: every method of every service, refusals with
// their details decoded, messages at the limit, 100 watches on one channel.
#include "scenario.h"

#include <atomic>
#include <chrono>
#include <thread>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "resopro/v1/activities.grpc.pb.h"
#include "resopro/v1/admin.grpc.pb.h"
#include "resopro/v1/memberships.grpc.pb.h"
#include "resopro/v1/ownership.grpc.pb.h"
#include "resopro/v1/referrals.grpc.pb.h"
#include "resopro/v1/territories.grpc.pb.h"

using namespace resopro::v1;

namespace {

const int limit = 4 << 20;

// One stub of each service, of one account.
struct Client {
	explicit Client(const std::string &account,
	    const grpc::ChannelArguments &arguments = {}) :
	    wire(channel(account, arguments)) {}
	Channel wire;
	Registry::Stub registry{wire};
	Memberships::Stub memberships{wire};
	Ownership::Stub ownership{wire};
	Activities::Stub activities{wire};
	Referrals::Stub referrals{wire};
	Territories::Stub territories{wire};
	Admin::Stub admin{wire};
	grpc::health::v1::Health::Stub health{wire};
};

Client &agency()
{
	static Client c("agence");
	return c;
}
Client &bocage()
{
	static Client c("bocage");
	return c;
}
Client &operators()
{
	static Client c("exploitation");
	return c;
}
Client &nobody()
{
	static Client c("");
	return c;
}

// call(stub, &Stub::Method, request): the answer, or the refusal expected.
template <class Stub, class Base, class Q, class A>
A call(Stub &stub, grpc::Status (Base::*method)(grpc::ClientContext *,
    const Q &, A *), const Q &q, const std::string &token = "")
{
	grpc::ClientContext x;
	A a;

	if (!token.empty())
		x.AddMetadata("authorization", "Bearer " + token);
	expect((stub.*method)(&x, q, &a), grpc::OK);
	return a;
}

template <class Stub, class Base, class Q, class A>
grpc::Status refused(Stub &stub, grpc::Status (Base::*method)(
    grpc::ClientContext *, const Q &, A *), const Q &q, grpc::StatusCode code,
    const std::string &token = "")
{
	grpc::ClientContext x;
	A a;

	if (!token.empty())
		x.AddMetadata("authorization", "Bearer " + token);
	grpc::Status s = (stub.*method)(&x, q, &a);
	expect(s, code);
	return s;
}

// The google.rpc detail of this type.
template <class Detail>
Detail detail(const grpc::Status &s)
{
	google::rpc::Status status;
	Detail d;

	expect(status.ParseFromString(s.error_details()), "no google.rpc.Status");
	expect(status.code() == s.error_code() &&
	    status.message() == s.error_message(), "another status inside");
	for (const auto &any : status.details())
		if (any.UnpackTo(&d))
			return d;
	throw std::runtime_error("no " + Detail::descriptor()->full_name());
}

template <class Q>
Q with_id()
{
	Q q;
	q.set_request_id(new_id());
	return q;
}

uint64_t watches()
{
	return call(operators().admin, &Admin::Stub::Status, StatusRequest())
	    .watches();
}

// The streams of all workers; another worker's count may be a second old.
void watches_become(uint64_t n)
{
	auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);

	while (watches() != n)
		expect(std::chrono::steady_clock::now() < end,
		    std::to_string(watches()) + " watches instead of " +
		    std::to_string(n));
}

void records__got_listed_confirmed_deleted__with_history()
{
	Registry::Stub &r = bocage().registry;
	GetRequest get;
	BatchGetRequest batch;
	ListRequest list;
	SearchRequest search;
	HistoryRequest history;
	auto confirm = with_id<ConfirmRequest>();
	auto gone = with_id<DeleteRequest>();

	call(r, &Registry::Stub::Put, site("cpp-m1", "Lieu"));
	call(r, &Registry::Stub::Put, site("cpp-m1", "Lieu nouveau"));
	for (const char *id : { "cpp-m1", "cpp-absent" }) {
		batch.add_names()->set_kind(KIND_SITE);
		batch.mutable_names()->rbegin()->set_id(id);
	}
	auto some = call(r, &Registry::Stub::BatchGet, batch);
	expect(some.records_size() == 1 && some.missing_size() == 1, "batch");
	list.set_kind(KIND_SITE);
	list.set_owner(member);
	auto listed = call(r, &Registry::Stub::List, list);
	expect(listed.records_size() > 0, "nothing listed");
	search.set_query("lieu nouv");
	search.add_kinds(KIND_SITE);
	auto found = call(r, &Registry::Stub::Search, search);
	expect(found.hits_size() == 1 && found.hits(0).id() == "cpp-m1",
	    found.DebugString());
	*confirm.add_names() = batch.names(0);
	expect(call(r, &Registry::Stub::Confirm, confirm).confirmed() == 1,
	    "not confirmed");
	FreshnessCountsRequest fresh;
	fresh.set_kind(KIND_SITE);
	fresh.set_owner(member);
	auto counts = call(r, &Registry::Stub::FreshnessCounts, fresh);
	expect(counts.counts_size() == 1 && counts.counts(0).confirmed() > 0,
	    counts.DebugString());
	history.set_kind(KIND_SITE);
	history.set_id("cpp-m1");
	auto past = call(r, &Registry::Stub::History, history);
	expect(past.entries_size() == 2 && past.entries(0).version() == 2 &&
	    past.entries(0).changes_size() > 0, past.DebugString());
	get.set_kind(KIND_SITE);
	get.set_id("cpp-m1");
	get.mutable_as_of()->set_revision(past.entries(1).revision());
	expect(call(r, &Registry::Stub::Get, get).record().site().nom() ==
	    "Lieu", "another past");
	gone.set_kind(KIND_SITE);
	gone.set_id("cpp-m1");
	call(r, &Registry::Stub::Delete, gone);
	get.clear_as_of();
	refused(r, &Registry::Stub::Get, get, grpc::NOT_FOUND);
}

void refusals__decoded__say_field_version_and_rule()
{
	Registry::Stub &r = bocage().registry;
	PutRequest bad = site("cpp-m2", "Lieu");

	bad.mutable_record()->mutable_site()->set_siret("12345678901234");
	auto fields = detail<google::rpc::BadRequest>(refused(r,
	    &Registry::Stub::Put, bad, grpc::INVALID_ARGUMENT));
	const auto &v = fields.field_violations(0);
	expect(v.field().find("siret") != std::string::npos &&
	    !v.reason().empty() && !v.description().empty(),
	    fields.DebugString());
	call(r, &Registry::Stub::Put, site("cpp-m3", "Lieu"));
	PutRequest late = site("cpp-m3", "Lieu");
	late.set_if_version(9);
	late.set_check_version(true);
	auto info = detail<google::rpc::ErrorInfo>(refused(r,
	    &Registry::Stub::Put, late, grpc::ABORTED));
	bool told = false;
	for (const auto &m : info.metadata())
		told = told || m.second == "1";
	expect(told && info.domain() == "resopro", info.DebugString());
}

// Of two bodies that bear one SIRET the second is told of a dispute.
void dispute__siret_of_another__opened_given_up_decided()
{
	static Client near("ccas-flers");
	auto decide = with_id<ResolveDisputeRequest>();
	auto leave = with_id<WithdrawDisputeRequest>();
	std::string ids[2];

	for (int i = 0; i < 2; i++) {
		const char *siret = i == 0 ? "70000003700015" : "70000004500018";
		PutRequest held = site("cpp-d" + std::to_string(i), "Lieu");
		PutRequest asked = site("cpp-e" + std::to_string(i), "Lieu");

		held.mutable_record()->mutable_site()->set_siret(siret);
		asked.mutable_record()->mutable_site()->set_siret(siret);
		asked.mutable_record()->set_owner("ccas-de-flers");
		asked.mutable_record()->mutable_site()->set_organisation_id(
		    "ccas-de-flers");
		call(bocage().registry, &Registry::Stub::Put, held);
		ids[i] = detail<google::rpc::ErrorInfo>(
		    refused(near.registry, &Registry::Stub::Put, asked,
			grpc::FAILED_PRECONDITION)).metadata().at("dispute");
	}
	leave.set_id(ids[0]);
	expect(call(near.ownership, &Ownership::Stub::WithdrawDispute,
	    leave).record().dispute().resolved_for() == member, "withdrawn");
	decide.set_id(ids[1]);
	decide.set_resolved_for("ccas-de-flers");
	decide.set_reason("Certificat SIRENE");
	auto ended = call(agency().ownership, &Ownership::Stub::ResolveDispute,
	    decide).record().dispute();
	expect(ended.state() == DISPUTE_STATE_RESOLVED &&
	    ended.holder().owner() == member, ended.DebugString());
}

// Offered and taken back, asked for and refused, then given.
void transfer__offered_and_asked_for__ended_each_way()
{
	static Client near("ccas-flers");
	Ownership::Stub &mine = bocage().ownership;
	GetRequest get;

	call(bocage().registry, &Registry::Stub::Put, site("cpp-t", "Lieu"));
	auto offer = with_id<OfferTransferRequest>();
	offer.set_kind(KIND_SITE);
	offer.set_record_id("cpp-t");
	offer.set_organisation_id("ccas-de-flers");
	auto back = with_id<EndTransferRequest>();
	back.set_id(call(mine, &Ownership::Stub::OfferTransfer,
	    offer).record().id());
	expect(call(mine, &Ownership::Stub::CancelTransfer, back).record()
	    .transfer().state() == TRANSFER_STATE_CANCELLED, "cancelled");
	for (bool yes : { false, true }) {
		auto ask = with_id<RequestTransferRequest>();
		ask.set_kind(KIND_SITE);
		ask.set_record_id("cpp-t");
		auto begun = call(near.ownership,
		    &Ownership::Stub::RequestTransfer, ask);
		auto no = with_id<EndTransferRequest>();
		no.set_id(begun.record().id());
		auto give = with_id<ApproveTransferRequest>();
		give.set_id(begun.record().id());
		give.set_secret(begun.secret());
		if (yes)
			call(mine, &Ownership::Stub::ApproveTransfer, give);
		else
			call(mine, &Ownership::Stub::RejectTransfer, no);
	}
	get.set_kind(KIND_SITE);
	get.set_id("cpp-t");
	expect(call(near.registry, &Registry::Stub::Get, get).record()
	    .owner() == "ccas-de-flers", "not given");
}

void status__recorded_then_again__precondition_told()
{
	Memberships::Stub &m = agency().memberships;
	auto q = with_id<RecordStatusRequest>();
	auto end = with_id<EndStatusRequest>();

	q.mutable_status()->set_organisation_id(member);
	q.mutable_status()->set_title("label-spro-conseil");
	q.mutable_status()->set_legal_basis("C. trav. L6111-5");
	q.mutable_status()->set_authority("Région Normandie");
	q.mutable_status()->set_decision_number("R-2026-1");
	q.mutable_status()->set_from("2026-01-01");
	auto made = call(m, &Memberships::Stub::RecordStatus, q);
	q.set_request_id(new_id());
	auto why = detail<google::rpc::PreconditionFailure>(refused(m,
	    &Memberships::Stub::RecordStatus, q, grpc::FAILED_PRECONDITION));
	expect(why.violations_size() > 0, "no violation");
	end.set_id(made.record().id());
	end.set_to("2026-06-30");
	end.set_reason("Fin de la convention");
	expect(call(m, &Memberships::Stub::EndStatus, end).record().status()
	    .to() == "2026-06-30", "did not end");
}

void activity__declared__listed()
{
	Activities::Stub &s = bocage().activities;
	auto q = with_id<DeclareRequest>();
	ListActivitiesRequest list;

	Activity *a = q.mutable_activity();
	a->set_organisation_id(member);
	a->set_activity_kind("A11");
	a->set_title("Forum des métiers");
	a->set_start("2024-03-12");
	a->add_communes("61169");
	a->set_people(10);
	auto made = call(s, &Activities::Stub::Declare, q);
	list.set_organisation_id(member);
	auto listed = call(s, &Activities::Stub::List, list);
	expect(listed.records_size() == 1 &&
	    listed.records(0).id() == made.record().id(), "not listed");
}

void referrals_and_territories__normandy__answered()
{
	FindRequest find;
	ResolveRequest resolve;
	ListZonesRequest zones;

	find.set_commune("61169");
	find.set_age(20);
	find.set_situation("sans_activite");
	auto found = call(agency().referrals, &Referrals::Stub::Find, find);
	expect(found.lines_size() > 0 && found.lines(0).rank() == 1, "no line");
	resolve.set_text("14400");
	expect(call(agency().territories, &Territories::Stub::Resolve, resolve)
	    .total() > 10, "14400 names few communes");
	zones.set_type("dep");
	expect(call(agency().territories, &Territories::Stub::ListZones, zones)
	    .zones_size() == 5, "not five departements");
}

void account_and_token__made_explained_revoked__each_seen()
{
	Admin::Stub &a = agency().admin;
	auto put = with_id<PutAccountRequest>();
	GetAccountRequest get;
	ExplainRequest may;
	auto make = with_id<CreateTokenRequest>();
	auto revoke = with_id<RevokeTokenRequest>();
	auto pin = with_id<RevokeCertificateRequest>();

	put.mutable_account()->set_id("cpp-essai");
	put.mutable_account()->set_organisation_id(member);
	put.mutable_account()->add_roles(ROLE_MEMBER_READER);
	call(a, &Admin::Stub::PutAccount, put);
	get.set_id("cpp-essai");
	expect(call(a, &Admin::Stub::GetAccount, get).version() == 1, "version");
	expect(call(a, &Admin::Stub::ListAccounts, ListAccountsRequest())
	    .accounts_size() > 1, "few accounts");
	may.set_account_id("cpp-essai");
	may.set_method("Registry/Put");
	may.set_kind(KIND_SITE);
	expect(!call(a, &Admin::Stub::Explain, may).allowed(), "reader writes");
	make.set_account_id("cpp-essai");
	auto token = call(a, &Admin::Stub::CreateToken, make);
	expect(call(nobody().admin, &Admin::Stub::WhoAmI, WhoAmIRequest(),
	    token.secret()).account().id() == "cpp-essai", "another account");
	revoke.set_account_id("cpp-essai");
	revoke.set_token_id(token.token_id());
	call(a, &Admin::Stub::RevokeToken, revoke);
	refused(nobody().admin, &Admin::Stub::WhoAmI, WhoAmIRequest(),
	    grpc::UNAUTHENTICATED, token.secret());
	pin.set_account_id("cpp-essai");
	pin.set_sha256(std::string(64, 'a'));
	expect(call(a, &Admin::Stub::RevokeCertificate, pin).account()
	    .revoked_certificates_size() == 1, "not revoked");
	refused(bocage().admin, &Admin::Stub::ListAccounts,
	    ListAccountsRequest(), grpc::PERMISSION_DENIED);
}

void verify__operator__refolds_the_log()
{
	Admin::Stub &a = operators().admin;
	auto revision = call(a, &Admin::Stub::Status, StatusRequest()).revision();

	expect(call(a, &Admin::Stub::Verify, VerifyRequest()).commits() ==
	    revision, "verified another log");
	refused(operators().registry, &Registry::Stub::Put,
	    site("cpp-m4", "Refusé"), grpc::PERMISSION_DENIED);
}

void health__no_credential__serving()
{
	grpc::ClientContext x;
	grpc::health::v1::HealthCheckRequest q;
	grpc::health::v1::HealthCheckResponse a;

	expect(call(nobody().health, &grpc::health::v1::Health::Stub::Check, q)
	    .status() == a.SERVING, "not serving");
	auto stream = nobody().health.Watch(&x, q);
	expect(stream->Read(&a) && a.status() == a.SERVING, "not watched");
	x.TryCancel();
	expect(stream->Finish(), grpc::CANCELLED);
	q.set_service("no.Such");
	refused(nobody().health, &grpc::health::v1::Health::Stub::Check, q,
	    grpc::NOT_FOUND);
}

// One set of exactly `bytes` on the wire, in one message.
SyncRequest batch(int bytes, const std::string &source)
{
	const int n = 900;
	SyncRequest q;

	for (int i = 0; i < n; i++) {
		Record *r = q.mutable_batch()->add_records()->mutable_record();
		*r = site("", "Grand lieu " + std::to_string(i)).record();
		r->set_source_id(source + "-" + std::to_string(i));
	}
	int each = (bytes - (int)q.ByteSizeLong()) / n - 10;
	for (auto &r : *q.mutable_batch()->mutable_records())
		r.mutable_record()->mutable_site()->set_description(
		    std::string(each, 'x'));
	q.mutable_batch()->mutable_records(0)->mutable_record()->mutable_site()
	    ->mutable_description()->append(bytes - q.ByteSizeLong(), 'x');
	expect((int)q.ByteSizeLong() == bytes, "not the size asked for");
	return q;
}

// Send it in one Sync: its end, and the result if it is OK.
grpc::Status sync(Registry::Stub &r, const SyncRequest &set, bool dry_run,
    SyncResult *result)
{
	grpc::ClientContext x;
	SyncRequest q;
	SyncResponse a;
	auto stream = r.Sync(&x);

	q.mutable_start()->set_request_id(new_id());
	q.mutable_start()->set_owner(member);
	q.mutable_start()->set_source("cpp-methods");
	q.mutable_start()->set_mode(SYNC_MODE_DELTA);
	q.mutable_start()->set_dry_run(dry_run);
	stream->Write(q);
	stream->Write(set);
	q.mutable_end()->set_records(set.batch().records_size());
	stream->Write(q);
	stream->WritesDone();
	while (stream->Read(&a))
		if (a.has_result())
			*result = a.result();
	return stream->Finish();
}

void message__of_4_mib__taken_whole_and_one_byte_more_refused()
{
	SyncResult done;

	expect(sync(bocage().registry, batch(limit, "fits"), false, &done),
	    grpc::OK);
	expect(done.created() == 900 && done.applied(), done.DebugString());
	detail<google::rpc::ErrorInfo>([] {
		SyncResult none;
		grpc::Status s = sync(bocage().registry,
		    batch(limit + 1, "beyond"), false, &none);
		expect(s, grpc::RESOURCE_EXHAUSTED);
		return s;
	}());
	call(bocage().admin, &Admin::Stub::WhoAmI, WhoAmIRequest());
}

// libgrpc++ takes 4 MiB by default: pages of large records stay below.
void answer__large_records__pages_fit_a_stock_client()
{
	ListRequest q;
	int n = 0, pages = 0;

	q.set_kind(KIND_SITE);
	q.set_owner(member);
	q.set_page_size(1000);
	do {
		auto page = call(bocage().registry, &Registry::Stub::List, q);
		for (const auto &r : page.records())
			n += r.source_id().compare(0, 4, "fits") == 0;
		pages++;
		q.set_page_token(page.next_page_token());
	} while (!q.page_token().empty());
	expect(n == 900 && pages > 1, std::to_string(n) + " records on " +
	    std::to_string(pages) + " pages");
}

void gzip__4_mib_that_packs_small__unpacked_and_still_limited()
{
	grpc::ChannelArguments packed;
	SyncResult planned;

	packed.SetCompressionAlgorithm(GRPC_COMPRESS_GZIP);
	Client c("bocage", packed);
	expect(sync(c.registry, batch(limit, "packed"), true, &planned),
	    grpc::OK);
	expect(planned.created() == 900 && !planned.applied(), "plan");
	expect(sync(c.registry, batch(limit + 1, "packed"), true, &planned),
	    grpc::RESOURCE_EXHAUSTED);
}

// Deadlines and cancellations reach the daemon, which closes its side.
void watch__100_streams_of_one_channel__each_sees_one_change()
{
	std::vector<std::thread> threads;
	std::atomic<int> seen{0};
	PutRequest target = site("cpp-target", "Cible");

	watches_become(0);
	call(bocage().registry, &Registry::Stub::Put, target);
	for (int i = 0; i < 100; i++)
		threads.emplace_back([&] {
			grpc::ClientContext x;
			WatchRequest q;
			WatchResponse m;

			x.set_deadline(std::chrono::system_clock::now() +
			    std::chrono::seconds(30));
			q.add_names()->set_kind(KIND_SITE);
			q.mutable_names(0)->set_id("cpp-target");
			auto stream = bocage().registry.Watch(&x, q);
			// The first message says that it follows from here.
			bool all = stream->Read(&m) && m.events_size() == 0 &&
			    stream->Read(&m) && m.events_size() == 1;
			seen += all && m.events(0).record().version() == 2;
			x.TryCancel();
			stream->Finish();
		});
	try {
		watches_become(100);
	} catch (...) {
		for (auto &t : threads)
			t.join();
		throw;
	}
	target.set_request_id(new_id());
	target.mutable_record()->mutable_site()->set_nom("Cible atteinte");
	call(bocage().registry, &Registry::Stub::Put, target);
	for (auto &t : threads)
		t.join();
	expect(seen == 100, std::to_string(seen) + " of 100");
	watches_become(0);
}

// Names of all services, by one version of reflection.
template <class Service, class Q, class A>
std::set<std::string> reflected()
{
	typename Service::Stub stub(agency().wire);
	grpc::ClientContext x;
	std::set<std::string> names;
	Q q;
	A a;

	auto stream = stub.ServerReflectionInfo(&x);
	q.set_list_services("");
	stream->Write(q);
	stream->WritesDone();
	while (stream->Read(&a))
		for (const auto &s : a.list_services_response().service())
			names.insert(s.name());
	expect(stream->Finish(), grpc::OK);
	return names;
}

// Last: a method added to the interface without a test here fails it.
void methods__all_of_all_services__were_answered()
{
	namespace v1 = grpc::reflection::v1;
	namespace alpha = grpc::reflection::v1alpha;
	auto names = reflected<v1::ServerReflection,
	    v1::ServerReflectionRequest, v1::ServerReflectionResponse>();
	expect(names == reflected<alpha::ServerReflection,
	    alpha::ServerReflectionRequest, alpha::ServerReflectionResponse>(),
	    "v1 and v1alpha differ");
	expect(names.size() == 10, std::to_string(names.size()) + " services");
	for (const auto &name : names) {
		auto *s = google::protobuf::DescriptorPool::generated_pool()
		    ->FindServiceByName(name);
		expect(s != nullptr, name + " is not in proto/");
		for (int i = 0; i < s->method_count(); i++) {
			auto path = "/" + name + "/" + s->method(i)->name();
			expect(Answered::methods().count(path) > 0,
			    path + " was not called");
		}
	}
}

} // namespace

std::vector<Test> more_tests()
{
	return {
		TEST(records__got_listed_confirmed_deleted__with_history),
		TEST(refusals__decoded__say_field_version_and_rule),
		TEST(dispute__siret_of_another__opened_given_up_decided),
		TEST(transfer__offered_and_asked_for__ended_each_way),
		TEST(status__recorded_then_again__precondition_told),
		TEST(activity__declared__listed),
		TEST(referrals_and_territories__normandy__answered),
		TEST(account_and_token__made_explained_revoked__each_seen),
		TEST(verify__operator__refolds_the_log),
		TEST(health__no_credential__serving),
		TEST(message__of_4_mib__taken_whole_and_one_byte_more_refused),
		TEST(answer__large_records__pages_fit_a_stock_client),
		TEST(gzip__4_mib_that_packs_small__unpacked_and_still_limited),
		TEST(watch__100_streams_of_one_channel__each_sees_one_change),
		TEST(methods__all_of_all_services__were_answered),
	};
}
