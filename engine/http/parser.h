#pragma once

#include <memory>
#include <string>

#include "engine/http/message.h"

namespace berth::http {

// Takes one HTTP/1 message apart. Bytes come from a buffer of the caller's, from whose front the parser takes
// what it has understood; what is left belongs to the next message, or to whoever hijacks the connection.
class Parser {
 public:
    // A head may have this many bytes, the request line included: some clients repeat a whole container
    // configuration in the query.
    static constexpr std::size_t kHeadLimit = 64 << 10;

    enum class Kind { kRequest, kResponse };
    explicit Parser(Kind kind);
    ~Parser();

    // Until true, the head wants more bytes. Errors carry the status to answer with in sys_errno: 400, 431,
    // 505.
    Result<bool> parse_head(std::string& buffer);
    // Appends the body bytes in `buffer` to `body`; true once the body has ended.
    Result<bool> parse_body(std::string& buffer, std::string& body);
    // The peer has ended its side. true if that is how this body ends, false if it is cut off.
    bool finish();

    // The answer to HEAD has no body, whatever its head says. Before parse_head().
    void expect_no_body();

    // Once the head is there:
    std::string method, target, reason;
    unsigned status = 0;
    int minor_version = 1;  // of HTTP/1.x
    Headers headers;
    bool keep_alive() const;
    bool done() const;  // the body has ended
    // How many bytes of a body of known length are still to come; nothing for other bodies. Whoever takes
    // them past the parser may not come back to it.
    std::optional<std::uint64_t> rest() const;
    bool chunked() const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace berth::http
