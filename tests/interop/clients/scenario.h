// scenario.h - what the C++ scenarios share: stubs of an account, records,
// expectations.  A test is a function whose name is its claim; it throws.
#ifndef SCENARIO_H
#define SCENARIO_H

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/client_interceptor.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "resopro/v1/registry.grpc.pb.h"

using Channel = std::shared_ptr<grpc::Channel>;
using Test = std::pair<const char *, std::function<void()>>;
#define TEST(name)                                                             \
	{                                                                      \
#name, name                                                    \
	}

const std::string member = "mission-locale-des-jeunes-du-bocage";

// methods.cc: what the first scenario leaves open.
std::vector<Test> more_tests();

inline std::string
read(const std::string &name)
{
	std::ifstream f(std::string(getenv("PKI")) + "/" + name);
	std::stringstream s;
	s << f.rdbuf();
	return s.str();
}

// Notes the methods that answered with a message: "/package.Service/Method".
class Answered : public grpc::experimental::ClientInterceptorFactoryInterface
{
      public:
	static std::set<std::string> &
	methods()
	{
		static std::set<std::string> set;
		return set;
	}
	grpc::experimental::Interceptor *
	CreateClientInterceptor(
	    grpc::experimental::ClientRpcInfo *info) override
	{
		return new Note(info->method());
	}

      private:
	class Note : public grpc::experimental::Interceptor
	{
	      public:
		explicit Note(const char *m) : method(m)
		{
		}
		void
		Intercept(
		    grpc::experimental::InterceptorBatchMethods *b) override
		{
			static std::mutex lock;
			using Hook = grpc::experimental::InterceptionHookPoints;
			if (b->QueryInterceptionHookPoint(
				Hook::POST_RECV_MESSAGE) &&
			    b->GetRecvMessage() != nullptr) {
				std::lock_guard<std::mutex> hold(lock);
				methods().insert(method);
			}
			b->Proceed();
		}

	      private:
		std::string method;
	};
};

// A channel of an account; "" has no certificate.
inline Channel
channel(const std::string &account,
    const grpc::ChannelArguments &arguments = {})
{
	grpc::SslCredentialsOptions o;
	o.pem_root_certs = read("ca.pem");
	if (!account.empty()) {
		o.pem_private_key = read("account-" + account + ".key");
		o.pem_cert_chain = read("account-" + account + ".pem");
	}
	std::vector<std::unique_ptr<
	    grpc::experimental::ClientInterceptorFactoryInterface>>
	    notes;
	notes.push_back(std::make_unique<Answered>());
	return grpc::experimental::
	    CreateCustomChannelWithInterceptors(getenv("RESOPRO_SERVER"),
		grpc::SslCredentials(o), arguments, std::move(notes));
}

inline std::string
new_id()
{
	static int n;
	return "cpp-interop-scenario-" + std::to_string(++n);
}

inline void
expect(bool so, const std::string &what)
{
	if (!so)
		throw std::runtime_error(what);
}

inline void
expect(const grpc::Status &s, grpc::StatusCode code)
{
	expect(s.error_code() == code,
	    std::to_string(s.error_code()) + " instead of " +
		std::to_string(code) + ": " + s.error_message());
}

inline resopro::v1::PutRequest
site(const std::string &id, const std::string &nom)
{
	resopro::v1::PutRequest q;
	q.set_request_id(new_id());
	resopro::v1::Record *r = q.mutable_record();
	r->set_id(id);
	r->set_kind(resopro::v1::KIND_SITE);
	r->set_owner(member);
	r->mutable_site()->set_organisation_id(member);
	r->mutable_site()->set_nom(nom);
	r->mutable_site()->set_code_insee("61169");
	return q;
}

#endif
