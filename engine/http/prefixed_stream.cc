#include "engine/http/prefixed_stream.h"

#include <algorithm>
#include <cstring>

namespace berth::http {

namespace {

class PrefixedStream final : public async::Stream {
 public:
    PrefixedStream(std::string first, std::unique_ptr<async::Stream> rest, bool ended)
        : first_(std::move(first)), rest_(std::move(rest)), ended_(ended) {}

    Async<Result<std::size_t>> read_some(std::span<char> buffer) override {
        if (first_.empty()) {
            if (ended_) co_return std::size_t{0};
            co_return co_await rest_->read_some(buffer);
        }
        const std::size_t size = std::min(buffer.size(), first_.size());
        std::memcpy(buffer.data(), first_.data(), size);
        first_.erase(0, size);
        co_return size;
    }
    Async<Result<>> write_all(std::string_view bytes) override { return rest_->write_all(bytes); }
    void shutdown_write() override { rest_->shutdown_write(); }
    void close() override { rest_->close(); }

 private:
    std::string first_;
    std::unique_ptr<async::Stream> rest_;
    bool ended_;
};

}  // namespace

std::unique_ptr<async::Stream> make_prefixed_stream(std::string first, std::unique_ptr<async::Stream> rest,
                                                    bool ended) {
    return std::make_unique<PrefixedStream>(std::move(first), std::move(rest), ended);
}

}  // namespace berth::http
