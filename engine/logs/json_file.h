#pragma once

#include <cstdint>
#include <memory>

#include "engine/base/unique_fd.h"
#include "engine/logs/log_driver.h"

namespace berth::logs {

struct RotationLimits {
    std::uint64_t max_size = 0;  // bytes, 0: never rotated
    unsigned max_files = 1;      // the current one included
};

// "max-size" (b, k, m, g) and "max-file".
Result<RotationLimits> parse_rotation(const Options& options);

// PATH is the current file; PATH.1 the one before, up to PATH.(max_files - 1). With one file, a full one is
// emptied.
class JsonFile final : public LogDriver {
 public:
    static Result<std::unique_ptr<LogDriver>> open(const std::string& path, RotationLimits limits);
    ~JsonFile() override;
    Result<> write(Stream stream, Timestamp time, std::string_view line, bool partial) override;
    Result<> flush() override;

 private:
    JsonFile(std::string path, RotationLimits limits) : path_(std::move(path)), limits_(limits) {}
    Result<> open_current();
    Result<> rotate();

    std::string path_;
    RotationLimits limits_;
    UniqueFd file_;
    std::uint64_t size_ = 0;
    std::string pending_;
};

}  // namespace berth::logs
