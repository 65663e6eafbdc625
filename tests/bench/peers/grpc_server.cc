// grpc_server.cc - a peer of the benchmark: the same reads of the same records
// by gRPC C++, as one would write it who needs nothing else: an ordered map in
// memory, the asynchronous server on one thread, mutual TLS.
//
//   grpc_server ADDRESS RECORDS CA CERTIFICATE KEY
//
// RECORDS: what resopro-bench-data write made.  SIGTERM ends it.
#include <csignal>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <grpcpp/grpcpp.h>

#include "resopro/v1/registry.grpc.pb.h"

namespace {

using namespace resopro::v1;
using grpc::ServerAsyncResponseWriter;
using grpc::ServerContext;
using grpc::Status;
using grpc::StatusCode;
using Records = std::map<std::string, Record>;
using Async = Registry::WithAsyncMethod_Get<Registry::WithAsyncMethod_BatchGet<
    Registry::WithAsyncMethod_List<Registry::Service>>>;

// ---- the methods ------------------------------------------------------------

Status answer(const Records &all, const GetRequest &q, GetResponse *out)
{
	auto at = all.find(q.id());
	if (at == all.end())
		return Status(StatusCode::NOT_FOUND, q.id());
	out->set_revision(1);
	*out->mutable_record() = at->second;
	return Status::OK;
}

Status answer(const Records &all, const BatchGetRequest &q,
    BatchGetResponse *out)
{
	out->set_revision(1);
	for (const RecordName &name : q.names()) {
		auto at = all.find(name.id());
		if (at == all.end())
			*out->add_missing() = name;
		else
			*out->add_records() = at->second;
	}
	return Status::OK;
}

Status answer(const Records &all, const ListRequest &q, ListResponse *out)
{
	auto at = all.upper_bound(q.page_token());
	std::uint32_t size = q.page_size() == 0 ? 100 : q.page_size();

	out->set_revision(1);
	for (; size > 0 && at != all.end(); ++at, --size)
		*out->add_records() = at->second;
	if (at != all.end())
		out->set_next_page_token(std::prev(at)->first);
	return Status::OK;
}

// ---- one call ---------------------------------------------------------------

struct Step { // what a completion belongs to
	virtual ~Step() = default;
	virtual void proceed(bool ok) = 0;
};

template <class Request, class Response> struct Method {
	using Ask = void (Async::*)(ServerContext *, Request *,
	    ServerAsyncResponseWriter<Response> *, grpc::CompletionQueue *,
	    grpc::ServerCompletionQueue *, void *);
	const Records &all;
	Async &service;
	grpc::ServerCompletionQueue &queue;
	Ask ask;
};

template <class Request, class Response> class Call : public Step {
public:
	explicit Call(const Method<Request, Response> &m)
	    : method(m), writer(&context)
	{
		(m.service.*m.ask)(&context, &request, &writer, &m.queue,
		    &m.queue, this);
	}

	void proceed(bool ok) override
	{
		if (!ok || answered) {
			delete this;
			return;
		}
		new Call(method); // the next one may come
		answered = true;
		Status status = answer(method.all, request, &response);
		writer.Finish(response, status, this);
	}

private:
	const Method<Request, Response> &method;
	ServerContext context;
	Request request;
	Response response;
	ServerAsyncResponseWriter<Response> writer;
	bool answered = false;
};

// ---- the server -------------------------------------------------------------

std::string slurp(const char *path)
{
	std::ifstream f(path, std::ios::binary);
	if (!f)
		throw std::runtime_error(std::string("cannot read ") + path);
	return { std::istreambuf_iterator<char>(f), {} };
}

Records read_records(const char *path)
{
	std::ifstream f(path, std::ios::binary);
	Records all;
	unsigned char head[4];
	std::string bytes;

	while (f.read(reinterpret_cast<char *>(head), sizeof head)) {
		bytes.resize(head[0] | head[1] << 8 | head[2] << 16 |
		    static_cast<std::uint32_t>(head[3]) << 24);
		Record r;
		if (!f.read(&bytes[0], static_cast<long>(bytes.size())) ||
		    !r.ParseFromString(bytes))
			throw std::runtime_error("bad record file");
		std::string id = r.id();
		all.emplace_hint(all.end(), std::move(id), std::move(r));
	}
	if (all.empty())
		throw std::runtime_error(std::string("no record in ") + path);
	return all;
}

std::shared_ptr<grpc::ServerCredentials> credentials(char **files)
{
	grpc::SslServerCredentialsOptions o(
	    GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
	o.pem_root_certs = slurp(files[0]);
	o.pem_key_cert_pairs.push_back({ slurp(files[2]), slurp(files[1]) });
	return grpc::SslServerCredentials(o);
}

void serve(const char *address, const Records &all, char **tls)
{
	Async service;
	grpc::ServerBuilder builder;
	builder.AddListeningPort(address, credentials(tls));
	builder.RegisterService(&service);
	auto queue = builder.AddCompletionQueue();
	auto server = builder.BuildAndStart();
	if (!server)
		throw std::runtime_error("cannot listen");

	sigset_t term;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	std::thread stopper([&] { // it blocks what main() has blocked
		int got;
		sigwait(&term, &got);
		server->Shutdown();
		queue->Shutdown();
	});

	Method<GetRequest, GetResponse> get{ all, service, *queue,
		&Async::RequestGet };
	Method<BatchGetRequest, BatchGetResponse> batch{ all, service, *queue,
		&Async::RequestBatchGet };
	Method<ListRequest, ListResponse> list{ all, service, *queue,
		&Async::RequestList };
	new Call(get);
	new Call(batch);
	new Call(list);
	std::cout << "ready" << std::endl;

	void *tag;
	bool ok;
	while (queue->Next(&tag, &ok))
		static_cast<Step *>(tag)->proceed(ok);
	stopper.join();
}

} // namespace

int main(int argc, char **argv)
{
	if (argc != 6) {
		std::cerr << "usage: grpc_server ADDRESS RECORDS CA CERTIFICATE "
			     "KEY\n";
		return 2;
	}
	sigset_t term;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, nullptr);
	try {
		Records all = read_records(argv[2]);
		serve(argv[1], all, argv + 3);
	} catch (const std::exception &e) {
		std::cerr << "grpc_server: " << e.what() << "\n";
		return 1;
	}
	return 0;
}
