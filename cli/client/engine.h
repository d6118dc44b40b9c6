#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/client/settings.h"
#include "cli/json.h"
#include "engine/archive/byte_sink.h"
#include "engine/archive/byte_source.h"
#include "engine/async/async.h"
#include "engine/http/client.h"

namespace berth::cli {

// The engine at the other end, one blocking call per request. Error messages are docker's:
// "Cannot connect to the Docker daemon at URL. Is the docker daemon running?" (kUnavailable) and
// "Error response from daemon: TEXT".
class Engine {
 public:
    static Result<std::unique_ptr<Engine>> open(const Settings& settings);

    struct Answer {
        unsigned status = 0;
        std::string body;
    };
    // Any status below 400 is a success.
    Result<Answer> call(std::string method, std::string target, std::optional<Json> body = {});
    Result<Json> get(std::string target);
    Result<Json> post(std::string target, std::optional<Json> body = {});

    // The headers that GET would have.
    Result<http::Headers> head(std::string target);

    // A streamed answer: `take` gets the bytes as they come, and may end the stream by an Error. `upload`, an
    // open file or -1, is sent as the request's body.
    using Take = std::function<Result<>(std::string_view bytes)>;
    Result<> stream(std::string method, std::string target, http::Headers headers, int upload, Take take);

    // A request whose body is what `fill` puts. An answer that comes before the body's end is the result.
    using Fill = std::function<Result<>(archive::ByteSink& body)>;
    static Fill file_body(int fd);
    Result<> upload(std::string method, std::string target, http::Headers headers, Fill fill, Take take);
    // GET, its answer as a source; on a plain socket read from there.
    using Drain = std::function<Result<>(archive::ByteSource& body)>;
    Result<> download(std::string target, Drain drain);

    // For what needs several requests at once (attach).
    IoContext& io() { return io_; }
    http::Client& client() { return client_; }
    std::string versioned(const std::string& target) const { return prefix_ + target; }
    // The Error for an answer of 400 or more, and for a request that did not come through.
    static Error refused(unsigned status, std::string_view body);
    Error unreachable(Error error) const;

 private:
    Engine(http::Endpoint endpoint, const Settings& settings);
    Async<Result<Answer>> exchange(http::ClientRequest request);
    Async<Result<http::Headers>> exchange_head(http::ClientRequest request);
    Result<http::ClientResponse> checked(Result<http::ClientResponse> response);
    Result<> take_all(http::BodyReader& body, const Take& take);

    std::string host_, prefix_;
    IoContext io_{1};
    http::Client client_;
};

}  // namespace berth::cli
