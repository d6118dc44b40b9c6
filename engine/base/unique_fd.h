#pragma once

#include "engine/base/result.h"

namespace berth {

// Owns one file descriptor, or none (-1).
class UniqueFd {
 public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept;
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    [[nodiscard]] int release();
    void reset(int fd = -1);
    // A second descriptor (O_CLOEXEC) for the same open file.
    Result<UniqueFd> duplicate() const;

 private:
    int fd_ = -1;
};

}  // namespace berth
