#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/async/stream.h"

// HTTP/1.1 as the rest of the house sees it: no Beast type leaves this folder.
namespace berth::http {

// Header fields in order; names compare without case.
class Headers {
 public:
    void add(std::string name, std::string value);
    void set(std::string name, std::string value);
    // The first value, or "".
    std::string_view get(std::string_view name) const;
    bool has(std::string_view name) const;
    std::vector<std::string_view> all(std::string_view name) const;
    const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
    std::vector<std::pair<std::string, std::string>> fields_;
};

// A decoded query string. Parsing follows the clients: `+` is a space, booleans in any case.
class Query {
 public:
    static Query parse(std::string_view text);
    bool has(std::string_view name) const;
    // The first value, or `otherwise`.
    std::string get(std::string_view name, std::string_view otherwise = {}) const;
    std::vector<std::string> all(std::string_view name) const;
    // Docker's rule: absent, "", "0", "no", "false", "none" (any case) are false, everything else is true.
    bool flag(std::string_view name, bool otherwise = false) const;

 private:
    std::multimap<std::string, std::string, std::less<>> values_;
};

// The body of a request or response as it arrives (Content-Length, chunked or until close).
class BodyReader {
 public:
    virtual ~BodyReader() = default;
    // 0 at the end of the body.
    virtual Async<Result<std::size_t>> read_some(std::span<char> buffer) = 0;
    // The whole body; kInvalidArgument when it is longer than `limit`.
    Async<Result<std::string>> read_all(std::size_t limit);

    // The body for somebody who reads it from the socket himself, which lies there in chunks or, with
    // `length`, as it is; `early` has been read of it already. Nothing where that cannot be (TLS). To be
    // asked instead of read_some().
    struct Raw {
        UniqueFd socket;
        std::string early;
        std::optional<std::uint64_t> length;
    };
    virtual std::optional<Raw> take_raw() { return std::nullopt; }
    // It has been read to its end and not beyond: the connection can go on.
    virtual void raw_finished() {}
};

// Who a client is by the certificate it showed.
struct Peer {
    std::string name;                       // its common name
    std::vector<std::string> certificates;  // PEM, its own first, then the chain it sent
};

struct Request {
    std::string method;
    std::string target;  // as sent
    std::string path;    // percent-decoded, without the query
    Query query;
    Headers headers;
    BodyReader* body = nullptr;        // lives as long as the exchange
    std::shared_ptr<const Peer> peer;  // null without TLS or without a certificate
};

}  // namespace berth::http
