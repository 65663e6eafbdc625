// The scenario of every stock client, in C++: the calls of a member's program
// that differ most between client libraries; methods.cc has all the rest.
#include "scenario.h"

#include <atomic>
#include <chrono>
#include <iostream>
#include <thread>

using namespace resopro::v1;

namespace {

Registry::Stub &c()
{
	static auto stub = Registry::NewStub(channel("bocage"));
	return *stub;
}

void put_and_get__gzip__what_was_put()
{
	grpc::ClientContext put, get;
	PutResponse made;
	GetRequest name;
	GetResponse got;

	put.set_compression_algorithm(GRPC_COMPRESS_GZIP);
	expect(c().Put(&put, site("cpp-1", "Antenne"), &made), grpc::OK);
	name.set_kind(KIND_SITE);
	name.set_id("cpp-1");
	expect(c().Get(&get, name, &got), grpc::OK);
	expect(got.record().site().nom() == "Antenne", "another record");
	expect(got.revision() >= made.revision(), "an older revision");
}

void put__bad_value__details_travel()
{
	grpc::ClientContext x;
	PutResponse a;
	PutRequest q = site("cpp-2", "Antenne");

	q.mutable_record()->mutable_site()->set_siret("123");
	grpc::Status s = c().Put(&x, q, &a);
	expect(s, grpc::INVALID_ARGUMENT);
	expect(s.error_details().find("BadRequest") != std::string::npos,
	    "no details");
}

void put__beyond_4_mib__resource_exhausted()
{
	grpc::ClientContext x;
	PutResponse a;
	PutRequest q = site("cpp-3", "Antenne");

	q.mutable_record()->mutable_site()->set_description(
	    std::string(5 << 20, 'x'));
	expect(c().Put(&x, q, &a), grpc::RESOURCE_EXHAUSTED);
}

void sync__dry_run__plan_then_result()
{
	grpc::ClientContext x;
	SyncRequest q;
	SyncResponse a;
	auto stream = c().Sync(&x);

	SyncStart *start = q.mutable_start();
	start->set_request_id(new_id());
	start->set_owner(member);
	start->set_source("cpp");
	start->set_mode(SYNC_MODE_DELTA);
	start->set_dry_run(true);
	stream->Write(q);
	q.Clear();
	for (int i = 0; i < 100; i++) {
		Record *r = q.mutable_batch()->add_records()->mutable_record();
		*r = site("", "Lieu " + std::to_string(i)).record();
		r->set_source_id("s" + std::to_string(i));
	}
	stream->Write(q);
	q.Clear();
	q.mutable_end()->set_records(100);
	stream->Write(q);
	stream->WritesDone();
	while (stream->Read(&a))
		;
	expect(stream->Finish(), grpc::OK);
	expect(a.result().created() == 100 && !a.result().applied(), "plan");
}

void watch__deadline_and_cancel__each_its_status()
{
	grpc::ClientContext late, cut;
	WatchRequest q;
	WatchResponse m;

	q.add_kinds(KIND_OFFER);
	late.set_deadline(std::chrono::system_clock::now() +
	    std::chrono::milliseconds(300));
	auto first = c().Watch(&late, q);
	while (first->Read(&m))
		;
	expect(first->Finish(), grpc::DEADLINE_EXCEEDED);
	q.set_snapshot(true);
	auto second = c().Watch(&cut, q);
	while (second->Read(&m) && !m.snapshot_done())
		;
	cut.TryCancel();
	while (second->Read(&m))
		;
	expect(second->Finish(), grpc::CANCELLED);
}

void watch__resumed__no_change_is_lost()
{
	grpc::ClientContext x;
	WatchRequest q;
	WatchResponse m;
	uint64_t from = 0;
	int seen = 0;

	for (int i = 0; i < 5; i++) {
		grpc::ClientContext put;
		PutResponse a;
		expect(c().Put(&put, site("cpp-w" + std::to_string(i), "Suivi"),
		    &a), grpc::OK);
		if (from == 0)
			from = a.revision();
	}
	q.set_owner(member);
	q.set_from_revision(from);
	x.set_deadline(std::chrono::system_clock::now() +
	    std::chrono::seconds(20));
	auto stream = c().Watch(&x, q);
	while (seen < 5 && stream->Read(&m))
		seen += m.events_size();
	x.TryCancel();
	expect(seen == 5, "changes were lost");
}

void gets__100_threads__all_answered()
{
	std::vector<std::thread> threads;
	std::atomic<int> good{0};

	for (int i = 0; i < 100; i++)
		threads.emplace_back([&] {
			grpc::ClientContext x;
			GetRequest q;
			GetResponse a;
			q.set_kind(KIND_ORGANISATION);
			q.set_id(member);
			good += c().Get(&x, q, &a).ok();
		});
	for (auto &t : threads)
		t.join();
	expect(good == 100, std::to_string(good) + " of 100");
}

void credentials__none__unauthenticated()
{
	grpc::ClientContext x;
	GetRequest q;
	GetResponse a;

	expect(Registry::NewStub(channel(""))->Get(&x, q, &a), grpc::UNAUTHENTICATED);
}

} // namespace

int main()
{
	int failed = 0;
	std::vector<Test> tests = {
		TEST(put_and_get__gzip__what_was_put),
		TEST(put__bad_value__details_travel),
		TEST(put__beyond_4_mib__resource_exhausted),
		TEST(sync__dry_run__plan_then_result),
		TEST(watch__deadline_and_cancel__each_its_status),
		TEST(watch__resumed__no_change_is_lost),
		TEST(gets__100_threads__all_answered),
		TEST(credentials__none__unauthenticated),
	};
	for (const Test &t : more_tests())
		tests.push_back(t);
	for (const Test &t : tests) {
		try {
			t.second();
			std::cout << "[       OK ] " << t.first << std::endl;
		} catch (const std::exception &e) {
			failed++;
			std::cout << "[  FAILED  ] " << t.first << "\n"
				  << e.what() << std::endl;
		}
	}
	return failed != 0;
}
