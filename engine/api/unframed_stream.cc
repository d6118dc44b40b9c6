#include "engine/api/unframed_stream.h"

#include <algorithm>

#include "engine/api/framing.h"

namespace berth::api {

namespace {

constexpr std::size_t kHeader = 8;

class Borrowed : public async::Stream {
 public:
    explicit Borrowed(async::Stream& inner) : inner_(inner) {}
    Async<Result<std::size_t>> read_some(std::span<char> buffer) override { return inner_.read_some(buffer); }
    Async<Result<>> write_all(std::string_view bytes) override { return inner_.write_all(bytes); }
    void shutdown_write() override { inner_.shutdown_write(); }
    void close() override { inner_.close(); }

 protected:
    async::Stream& inner_;
};

class Framed final : public Borrowed {
 public:
    using Borrowed::Borrowed;
    Async<Result<>> write_all(std::string_view bytes) override {
        std::string framed = frame(OutputStream::kStdout, bytes);
        co_return co_await inner_.write_all(framed);
    }
};

// A frame may come in any number of pieces: its header too.
class Unframed final : public Borrowed {
 public:
    using Borrowed::Borrowed;
    Async<Result<>> write_all(std::string_view bytes) override {
        std::string payload = strip(bytes);
        if (payload.empty()) co_return Result<>();
        co_return co_await inner_.write_all(payload);
    }

 private:
    std::string strip(std::string_view bytes) {
        std::string out;
        while (!bytes.empty()) {
            if (left_ == 0) {
                std::size_t take = std::min(kHeader - header_.size(), bytes.size());
                header_.append(bytes.substr(0, take));
                bytes.remove_prefix(take);
                if (header_.size() < kHeader) break;
                for (std::size_t i = 4; i < kHeader; ++i)
                    left_ = left_ << 8 | static_cast<unsigned char>(header_[i]);
                header_.clear();
            } else {
                std::size_t take = std::min(left_, bytes.size());
                out.append(bytes.substr(0, take));
                bytes.remove_prefix(take);
                left_ -= take;
            }
        }
        return out;
    }

    std::string header_;
    std::size_t left_ = 0;
};

}  // namespace

std::unique_ptr<async::Stream> make_unframed_stream(async::Stream& inner) {
    return std::make_unique<Unframed>(inner);
}

std::unique_ptr<async::Stream> make_framed_stream(async::Stream& inner) {
    return std::make_unique<Framed>(inner);
}

std::unique_ptr<async::Stream> make_borrowed_stream(async::Stream& inner) {
    return std::make_unique<Borrowed>(inner);
}

}  // namespace berth::api
