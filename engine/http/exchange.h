#pragma once

#include <memory>
#include <string>

#include "engine/http/connection.h"
#include "engine/http/parser.h"

namespace berth::http {

// One request and its response on a connection: the body's reader and the response's writer.
class Exchange final : public Responder, public BodyReader {
 public:
    explicit Exchange(Connection& connection);

    Async<Result<>> send(unsigned status, Headers headers, std::string body) override;
    Async<Result<>> begin(unsigned status, Headers headers) override;
    Async<Result<>> write(std::string_view bytes) override;
    Async<Result<>> end() override;
    UniqueFd chunk_socket() override;
    Async<Result<std::unique_ptr<async::Stream>>> hijack(std::string head) override;
    bool started() const override { return state_ != State::kWaiting; }
    Async<void> client_gone() override;

    Async<Result<std::size_t>> read_some(std::span<char> buffer) override;
    std::optional<Raw> take_raw() override;
    void raw_finished() override;

    bool complete() const { return state_ == State::kDone; }
    bool hijacked() const { return state_ == State::kHijacked; }
    // Whether another request can follow on this connection; reads what little is left of this one's body.
    Async<bool> reusable();

 private:
    enum class State { kWaiting, kStreaming, kDone, kHijacked };
    std::string head(unsigned status, const Headers& headers, std::string_view framing) const;
    Async<Result<>> write_chunk(std::string_view bytes);

    Connection& connection_;
    Parser& parser_;
    State state_ = State::kWaiting;
    bool is_head_ = false;
    bool keep_alive_ = false;
    bool chunked_ = false;
    bool continue_wanted_ = false;
    bool raw_ = false, raw_finished_ = false;
    std::string body_;  // decoded and not yet read
};

}  // namespace berth::http
