#pragma once

#include <string>
#include <string_view>

#include "engine/base/digest.h"
#include "engine/base/result.h"

namespace berth::archive {

// Bytes as they come. The view that next() returns is good until the next call; an empty one is the end.
class ByteSource {
 public:
    virtual ~ByteSource() = default;
    virtual Result<std::string_view> next() = 0;
};

// Reads what is left.
Result<> read_to_end(ByteSource& source);

// A descriptor read to its end, in pieces of 256 KiB. Does not own it.
class FdSource : public ByteSource {
 public:
    explicit FdSource(int fd) : fd_(fd), buffer_(1 << 18, '\0') {}
    Result<std::string_view> next() override;

 private:
    int fd_;
    std::string buffer_;
};

// A file that is still being written, by its descriptor. `growth` (a SOCK_SEQPACKET socket) tells how many
// bytes there are, in messages of eight: a number in host order, with kWhole when no more will come. Its end
// is kCancelled, also then: whoever wants the rest read keeps the other end open. Owns neither.
class GrowingSource : public ByteSource {
 public:
    static constexpr std::uint64_t kWhole = std::uint64_t{1} << 63;

    GrowingSource(int fd, int growth) : fd_(fd), growth_(growth), buffer_(1 << 18, '\0') {}
    Result<std::string_view> next() override;

 private:
    Result<> wait();
    Result<> check_peer() const;

    int fd_, growth_;
    std::string buffer_;
    std::uint64_t at_ = 0, there_ = 0;
    bool whole_ = false;
};

// Passes bytes on and hashes them.
class HashingSource : public ByteSource {
 public:
    explicit HashingSource(ByteSource& inner) : inner_(inner) {}
    Result<std::string_view> next() override;
    // Reads what is left, then gives the digest of everything.
    Result<Digest> finish();
    std::uint64_t bytes() const { return bytes_; }

 private:
    ByteSource& inner_;
    Sha256 hash_;
    std::uint64_t bytes_ = 0;
};

}  // namespace berth::archive
