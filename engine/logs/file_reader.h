#pragma once

#include <sys/types.h>

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/unique_fd.h"
#include "engine/logs/log_reader.h"
#include "engine/logs/tail.h"

namespace berth::logs {

// The record at the front of some bytes: how many bytes it takes, 0 while it is not whole, and whether it
// could be understood.
struct Taken {
    std::size_t size = 0;
    bool good = false;
};

// How a file driver's records are found in its files.
struct Codec {
    // Overwrites `record`; its memory is used again.
    Taken (*take)(std::string_view bytes, Record& record) = nullptr;
    Result<TailPosition> (*tail)(int fd, std::uint64_t records) = nullptr;
};

// Reads the logs of the file drivers, compressed ones too. It holds the files it still has to read open, so a
// rotation takes nothing away from it.
class FileReader final : public LogReader {
 public:
    static Result<std::unique_ptr<LogReader>> open(const std::string& path, Codec codec, ReadOptions options);
    Result<Progress> read(const std::function<void(const Record&)>& out) override;
    int notify_fd() const override { return notify_.get(); }
    std::uint64_t damaged() const override { return damaged_; }
    void finish() override { finished_ = true; }

 private:
    struct File {
        UniqueFd fd;
        dev_t device = 0;
        ino_t inode = 0;      // of the file that the shim wrote, also of one that is packed now
        bool packed = false;  // still to be unpacked
    };
    FileReader(std::string path, Codec codec, ReadOptions options)
        : path_(std::move(path)), codec_(codec), options_(options) {}
    Result<std::optional<File>> open_numbered(unsigned number) const;
    Result<std::vector<File>> open_backwards(const File* stop) const;
    Result<> unpack(File& file) const;
    Result<> watch();
    Result<> open_files();
    Result<> seek_tail();
    // Passes over files and records from before `since`.
    Result<> seek_since(Timestamp since);
    // Moves on to the next file, or sees that the current one was emptied or rotated. False: there is nothing
    // new.
    Result<bool> advance();
    Result<bool> follow_rotation();
    // Reads on from offset_, behind what is left over. The bytes read; 0 at the end.
    Result<std::size_t> fill();
    // Cuts whole records out of what was read. False once `until` is passed.
    bool take_records(const std::function<void(const Record&)>& out);
    void forget_rest() { begin_ = end_ = 0; }
    void drain_notifications();

    std::string path_;
    Codec codec_;
    ReadOptions options_;
    UniqueFd notify_;
    std::deque<File> files_;    // oldest first; the front is being read
    std::uint64_t offset_ = 0;  // in the front
    // [begin_, end_) of it is read, and no whole record yet.
    std::unique_ptr<char[]> buffer_;
    std::size_t room_ = 0, begin_ = 0, end_ = 0;
    Record record_;
    std::uint64_t damaged_ = 0;
    bool finished_ = false;
};

}  // namespace berth::logs
