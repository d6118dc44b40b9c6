#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/unique_fd.h"
#include "engine/logs/file_reader.h"

namespace berth::logs {

// What is written to a log from a moment on, read back for somebody who cannot keep up, byte for byte as the
// container wrote it. It holds the files it still has to read open, and in memory only those lines that the
// log's format cannot give back. One thread, the writer's.
class Replay {
 public:
    // From `offset` of `file` on. `max_files`: how many it may keep.
    Replay(UniqueFd file, std::uint64_t offset, Taken (*take)(std::string_view, Record&),
           std::size_t max_files);

    // The next record; nothing: all that was written has been read. After an error there is nothing more to
    // be had.
    Result<std::optional<Record>> next();
    // Too much is kept for it: the writer is to wait.
    bool full() const { return files_.size() > max_files_ || kept_ > kMaxKept; }

    // The writer's side. A record is about to be written: `lossy` if it will not read back as it is.
    void written(Stream stream, std::string_view line, bool partial, bool lossy);
    // The log goes on in this file.
    void add_file(UniqueFd file) { files_.push_back(std::move(file)); }

 private:
    static constexpr std::size_t kMaxKept = 256 * 1024;
    // More bytes of the front file, or the file after it. False: there are none.
    Result<bool> read_on();

    std::deque<UniqueFd> files_;
    std::uint64_t offset_;
    Taken (*take_)(std::string_view, Record&);
    std::size_t max_files_;
    std::string rest_;  // read, from at_ on no record yet
    std::size_t at_ = 0;
    std::uint64_t written_ = 0, read_ = 0;  // records
    std::map<std::uint64_t, Record> lossy_;
    std::size_t kept_ = 0;
};

}  // namespace berth::logs
