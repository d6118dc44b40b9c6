#include "cli/term/frames.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "engine/base/files.h"

namespace berth::cli {
namespace {

// Standard output and standard error, caught in one file while it lives: the order among them is seen.
class Caught {
 public:
    Caught()
        : folder_(*TempDir::make()),
          file_(*open_file(folder_.path() + "/out", O_RDWR | O_CREAT | O_APPEND, 0600)) {
        for (int fd : {STDOUT_FILENO, STDERR_FILENO}) {
            saved_[fd - 1] = ::dup(fd);
            ::dup2(file_.get(), fd);
        }
    }
    std::string end() {
        for (int fd : {STDOUT_FILENO, STDERR_FILENO}) {
            ::dup2(saved_[fd - 1], fd);
            ::close(saved_[fd - 1]);
        }
        return *read_file(folder_.path() + "/out");
    }

 private:
    TempDir folder_;
    UniqueFd file_;
    int saved_[2];
};

std::string frame(char stream, std::string_view payload) {
    std::string out{
        stream, 0, 0, 0, 0, 0, static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size())};
    return out.append(payload);
}

TEST(FrameWriter, KeepsTheOrderHoweverTheBytesCome) {
    const std::string bytes = frame(1, "one\n") + frame(1, "two\n") + frame(2, "oops\n") + frame(1, "") +
                              frame(1, std::string(300, 'x')) + frame(2, "end\n");
    const std::string expected = "one\ntwo\noops\n" + std::string(300, 'x') + "end\n";
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        FrameWriter writer(false);
        Caught caught;
        bool good = true;
        for (std::size_t at = 0; at < bytes.size(); at += piece)
            good = good && writer.write(std::string_view(bytes).substr(at, piece));
        EXPECT_EQ(caught.end(), expected) << "in pieces of " << piece;
        EXPECT_TRUE(good);
    }
}

TEST(FrameWriter, WhatCameBeforeAnErrorIsWritten) {
    FrameWriter writer(false);
    Caught caught;
    const auto written = writer.write(frame(1, "before") + frame(3, "no such log"));
    EXPECT_EQ(caught.end(), "before");
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().message, "error from daemon in stream: no such log");
}

}  // namespace
}  // namespace berth::cli
