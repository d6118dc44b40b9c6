#include "engine/http/parser.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <limits>

namespace berth::http {

namespace beast = boost::beast::http;

using boost::beast::error_code;
using boost::beast::string_view;

namespace {

// Receives what Beast finds.
struct Sink {
    Parser* message = nullptr;
    std::string* body = nullptr;
    bool head_done = false;
};

// What the two directions share: Beast asks for a class per direction.
class Machine {
 public:
    virtual ~Machine() = default;
    virtual std::size_t put(std::string_view bytes, error_code& error) = 0;
    virtual void put_eof(error_code& error) = 0;
    virtual void eager(bool on) = 0;
    virtual void skip() = 0;
    virtual bool head_done() const = 0;
    virtual bool done() const = 0;
    virtual bool keep_alive() const = 0;
    virtual std::optional<std::uint64_t> rest() const = 0;
    virtual bool chunked() const = 0;
};

template <bool is_request>
class Direction final : public beast::basic_parser<is_request>, public Machine {
    using Base = beast::basic_parser<is_request>;

 public:
    explicit Direction(Sink& sink) : sink_(sink) {
        Base::header_limit(Parser::kHeadLimit);
        Base::body_limit(boost::none);
    }
    std::size_t put(std::string_view bytes, error_code& error) override {
        return Base::put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
    }
    void put_eof(error_code& error) override { Base::put_eof(error); }
    void eager(bool on) override { Base::eager(on); }
    void skip() override { Base::skip(true); }
    bool head_done() const override { return Base::is_header_done(); }
    bool done() const override { return Base::is_done(); }
    bool keep_alive() const override { return Base::keep_alive(); }
    std::optional<std::uint64_t> rest() const override {
        const auto left = Base::content_length_remaining();
        return left ? std::optional<std::uint64_t>(*left) : std::nullopt;
    }
    bool chunked() const override { return Base::chunked(); }

 private:
    void on_request_impl(beast::verb, string_view method, string_view target, int version,
                         error_code&) override {
        sink_.message->method = std::string(method);
        sink_.message->target = std::string(target);
        sink_.message->minor_version = version - 10;
    }
    void on_response_impl(int code, string_view reason, int version, error_code&) override {
        sink_.message->status = static_cast<unsigned>(code);
        sink_.message->reason = std::string(reason);
        sink_.message->minor_version = version - 10;
    }
    void on_field_impl(beast::field, string_view name, string_view value, error_code&) override {
        // What comes after the body are trailers, which nobody here asks for.
        if (!sink_.head_done) sink_.message->headers.add(std::string(name), std::string(value));
    }
    void on_header_impl(error_code&) override { sink_.head_done = true; }
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(string_view body, error_code&) override {
        sink_.body->append(body.data(), body.size());
        return body.size();
    }
    void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override {
        sink_.body->append(body.data(), body.size());
        return body.size();
    }
    void on_finish_impl(error_code&) override {}

    Sink& sink_;
};

Failure malformed(const error_code& error) {
    int status = 400;
    if (error == beast::error::header_limit) status = 431;
    if (error == beast::error::bad_version) status = 505;
    return Failure(Error{ErrorKind::kInvalidArgument, "malformed HTTP message: " + error.message(), status});
}

}  // namespace

struct Parser::Impl {
    Sink sink;
    std::unique_ptr<Machine> machine;

    // Feeds the machine until it wants what is not there.
    Result<> feed(std::string& buffer) {
        std::size_t used = 0;
        error_code error;
        while (used < buffer.size() && !machine->done()) {
            std::size_t taken = machine->put(std::string_view(buffer).substr(used), error);
            used += taken;
            if (error || taken == 0 || !sink.body) break;
        }
        buffer.erase(0, used);
        if (error && error != beast::error::need_more) return malformed(error);
        return {};
    }
};

Parser::Parser(Kind kind) : impl_(std::make_unique<Impl>()) {
    impl_->sink.message = this;
    if (kind == Kind::kRequest) {
        impl_->machine = std::make_unique<Direction<true>>(impl_->sink);
    } else {
        impl_->machine = std::make_unique<Direction<false>>(impl_->sink);
    }
}

Parser::~Parser() = default;

Result<bool> Parser::parse_head(std::string& buffer) {
    impl_->sink.body = nullptr;
    while (!buffer.empty() && !impl_->machine->head_done()) {
        const std::size_t before = buffer.size();
        BERTH_CHECK(impl_->feed(buffer));
        if (buffer.size() == before) break;
    }
    return impl_->machine->head_done();
}

Result<bool> Parser::parse_body(std::string& buffer, std::string& body) {
    if (done()) return true;
    impl_->sink.body = &body;
    impl_->machine->eager(true);
    BERTH_CHECK(impl_->feed(buffer));
    return done();
}

bool Parser::finish() {
    error_code error;
    std::string ignored;
    impl_->sink.body = &ignored;
    impl_->machine->put_eof(error);
    return !error && done();
}

void Parser::expect_no_body() {
    impl_->machine->skip();
}

bool Parser::keep_alive() const {
    return impl_->machine->keep_alive();
}

std::optional<std::uint64_t> Parser::rest() const {
    return done() ? std::nullopt : impl_->machine->rest();
}

bool Parser::chunked() const {
    return impl_->machine->chunked();
}

bool Parser::done() const {
    return impl_->machine->done();
}

}  // namespace berth::http
