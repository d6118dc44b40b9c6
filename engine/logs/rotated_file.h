#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/unique_fd.h"
#include "engine/logs/log_driver.h"

namespace berth::logs {

struct RotationLimits {
    std::uint64_t max_size = 0;  // bytes, 0: never rotated
    unsigned max_files = 1;      // the current one included
    bool compress = false;       // those that are rotated
};

// "max-size" (b, k, m, g), "max-file" and "compress", over what `limits` says already. Texts are dockerd's.
Result<RotationLimits> parse_rotation(const Options& options, RotationLimits limits);

// A file of records that starts over when it is full. PATH is the current one; PATH.1 the one before, up to
// PATH.(max_files - 1), each with .gz behind it once it is compressed, which a child does in its own time and
// nobody waits for. With one file, a full one is emptied.
// While the disk takes nothing, records wait in memory up to a limit; what is beyond it is lost and counted.
class RotatedFile {
 public:
    static Result<std::unique_ptr<RotatedFile>> open(const std::string& path, RotationLimits limits);
    ~RotatedFile();

    // A record is what is appended to begin()'s string before end(). Both may report trouble with the disk;
    // the record is kept all the same, if it can be.
    std::string& begin(Result<>& trouble);
    Result<> end();
    Result<> flush();
    std::uint64_t lost() const { return lost_; }
    const RotationLimits& limits() const { return limits_; }
    // Of the current file; what lies in memory is not in it yet.
    std::uint64_t size() const { return size_; }
    Result<UniqueFd> open_for_reading() const;
    // How often it has begun a new file.
    std::uint64_t rotations() const { return rotations_; }

 private:
    RotatedFile(std::string path, RotationLimits limits) : path_(std::move(path)), limits_(limits) {}
    Result<> open_current();
    Result<> rotate();
    void shift();
    bool compressing() const;
    void compress();

    std::string path_;
    RotationLimits limits_;
    UniqueFd file_;
    std::uint64_t size_ = 0, lost_ = 0, rotations_ = 0;
    std::string pending_;
    std::size_t record_ = 0;  // where in pending_ the present record begins
    bool failing_ = false;
    UniqueFd compressor_;  // a pipe that it closes when it will not look for more
};

}  // namespace berth::logs
