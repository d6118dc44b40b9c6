#pragma once

#include <sys/types.h>

#include <deque>
#include <string>
#include <vector>

#include "engine/base/unique_fd.h"
#include "engine/logs/log_reader.h"

namespace berth::logs {

// Reads json-file logs. It holds the files it still has to read open, so a rotation takes nothing away from
// it.
class JsonReader final : public LogReader {
 public:
    static Result<std::unique_ptr<LogReader>> open(const std::string& path, ReadOptions options);
    Result<Progress> read(std::vector<Record>& out) override;
    int notify_fd() const override { return notify_.get(); }
    void finish() override { finished_ = true; }

 private:
    JsonReader(std::string path, ReadOptions options) : path_(std::move(path)), options_(options) {}
    Result<> watch();
    Result<> open_files();
    Result<> seek_tail();
    // Moves on to the next file, or sees that the current one was emptied or rotated. False: there is nothing
    // new.
    Result<bool> advance();
    Result<bool> follow_rotation();
    // Cuts whole lines out of rest_. False once `until` is passed.
    bool take_lines(std::vector<Record>& out);
    void drain_notifications();

    std::string path_;
    ReadOptions options_;
    UniqueFd notify_;
    std::deque<UniqueFd> files_;  // oldest first; the front is being read
    std::uint64_t offset_ = 0;    // in the front
    std::string rest_;            // read, and no whole line yet
    bool finished_ = false;
};

}  // namespace berth::logs
