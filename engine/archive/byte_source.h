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

// A descriptor read to its end, in pieces of 256 KiB. Does not own it.
class FdSource : public ByteSource {
 public:
    explicit FdSource(int fd) : fd_(fd), buffer_(1 << 18, '\0') {}
    Result<std::string_view> next() override;

 private:
    int fd_;
    std::string buffer_;
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
