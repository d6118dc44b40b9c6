#pragma once

#include <cstdint>
#include <string_view>

#include "engine/base/result.h"

namespace berth::archive {

// Where bytes go.
class ByteSink {
 public:
    virtual ~ByteSink() = default;
    virtual Result<> put(std::string_view bytes) = 0;
    // `size` bytes of a file from where it stands; zeros for those it turns out not to have.
    virtual Result<> send(int file_fd, std::uint64_t size) = 0;
};

// A descriptor: a file, a pipe, or a socket, blocking or not. A file's content goes there without passing
// through this process where the kernel can do that. Does not own it.
class FdSink : public ByteSink {
 public:
    explicit FdSink(int fd) : fd_(fd) {}
    Result<> put(std::string_view bytes) override;
    Result<> send(int file_fd, std::uint64_t size) override;

 private:
    Result<> wait();
    Result<std::uint64_t> send_some(int file_fd, std::uint64_t size);
    Result<std::uint64_t> copy_some(int file_fd, std::uint64_t size);

    int fd_;
};

// HTTP's chunked coding (RFC 9112, 7.1) on the way to another sink.
class ChunkedSink : public ByteSink {
 public:
    explicit ChunkedSink(ByteSink& below) : below_(below) {}
    Result<> put(std::string_view bytes) override;
    Result<> send(int file_fd, std::uint64_t size) override;
    // The last chunk.
    Result<> finish();

 private:
    Result<> open_chunk(std::uint64_t size);

    ByteSink& below_;
};

}  // namespace berth::archive
