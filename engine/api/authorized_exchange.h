#pragma once

#include <memory>
#include <string>

#include "engine/http/server.h"
#include "engine/plugins/authorization.h"

namespace berth::api {

// A request that authorization plugins let through or not, and the way out of its response, which they see
// before the client does.
//
// They are shown the request's JSON body, whole: the very bytes that the route reads afterwards. A body that
// is no JSON (an archive) is not shown, nor is one of /auth, which has a password; one of more than 4 MiB is
// refused, since what nobody has seen must not be done. Of headers, those with credentials are left out.
//
// A whole response goes out once they allow it, else 403 in its place. One that streams goes out as it comes,
// as does a hijacked connection; they hear of it when it ends, and a refusal then cuts the stream off.
class AuthorizedExchange final : public http::Responder {
 public:
    // All must outlive this object. The request's body reader is replaced.
    AuthorizedExchange(plugins::AuthorizationPlugins& plugins, http::Request& request,
                       http::Responder& responder);
    ~AuthorizedExchange() override;

    // The request phase, before anything else. kForbidden or kInternal: the request must not be carried out.
    Async<Result<>> admit();
    // After the route: the response phase, if the response has not been through it.
    Async<void> finish();
    // Whether the plugins are why there is an error.
    bool refused() const { return refused_; }

    Async<Result<>> send(unsigned status, http::Headers headers, std::string body) override;
    Async<Result<>> begin(unsigned status, http::Headers headers) override;
    Async<Result<>> write(std::string_view bytes) override { return responder_.write(bytes); }
    Async<Result<>> end() override;
    Async<Result<std::unique_ptr<async::Stream>>> hijack(std::string head) override {
        return responder_.hijack(std::move(head));
    }
    bool started() const override { return responder_.started(); }
    Async<void> client_gone() override { return responder_.client_gone(); }

 private:
    class ReadBody;
    Async<Result<>> read_body();
    Async<Result<>> ask_about_response();

    plugins::AuthorizationPlugins& plugins_;
    http::Request& request_;
    http::Responder& responder_;
    plugins::AuthorizationCase case_;
    std::unique_ptr<ReadBody> body_;
    bool told_ = false;  // of the response
    bool refused_ = false;
};

}  // namespace berth::api
