#include "engine/logs/pipe_log.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "engine/base/files.h"
#include "engine/logs/companion.h"
#include "engine/logs/pipe_protocol.h"

namespace berth::logs {

namespace {

constexpr int kAnswerLimit = 15'000;  // milliseconds
constexpr std::size_t kHoldUpAt = 64 << 10;
constexpr auto kRestartAfter = std::chrono::seconds(1);

Result<> make_pipe(UniqueFd& read_end, UniqueFd& write_end) {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return fail_errno("pipe");
    read_end.reset(fds[0]);
    write_end.reset(fds[1]);
    return {};
}

Result<> set_nonblocking(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return fail_errno("non-blocking mode");
    return {};
}

}  // namespace

Result<std::unique_ptr<LogDriver>> PipeLog::open(const LogPlan& plan, std::optional<std::uint64_t> lossy) {
    LogPlan inner = plan;
    inner.options.erase("mode");
    inner.options.erase("max-buffer-size");
    std::unique_ptr<PipeLog> log(new PipeLog(std::move(inner), lossy));
    BERTH_CHECK(log->start());
    BERTH_CHECK(log->await_answer());
    return std::unique_ptr<LogDriver>(std::move(log));
}

Result<> PipeLog::start() {
    UniqueFd input, output;
    BERTH_CHECK(make_pipe(input, pipe_));
    BERTH_CHECK(make_pipe(answers_, output));
    BERTH_TRY(auto program, companion("berth-logger"));
    BERTH_TRY(logger_, sys::spawn({.argv = {std::move(program)}, .fds = {input.get(), output.get(), -1}}));
    input.reset();
    output.reset();
    BERTH_CHECK(in("start the logger", write_all(pipe_.get(), encode_plan(plan_))));
    BERTH_CHECK(set_nonblocking(pipe_.get()));
    return set_nonblocking(answers_.get());
}

Result<> PipeLog::await_answer() {
    std::string answer;
    while (!answer.ends_with('\n')) {
        pollfd ready{answers_.get(), POLLIN, 0};
        const int polled = ::poll(&ready, 1, kAnswerLimit);
        if (polled < 0 && errno == EINTR) continue;
        if (polled <= 0) return fail(ErrorKind::kDeadlineExceeded, "the log driver does not get ready");
        char buffer[1024];
        const ssize_t got = ::read(answers_.get(), buffer, sizeof buffer);
        if (got <= 0) break;
        answer.append(buffer, static_cast<std::size_t>(got));
    }
    if (answer.starts_with("ok\n")) return {};
    while (answer.ends_with('\n')) answer.pop_back();
    return fail(ErrorKind::kInternal, answer.empty() ? "berth-logger ended" : answer);
}

Result<> PipeLog::write(Stream stream, Timestamp time, std::string_view line, bool partial) {
    if (!pipe_) {
        const auto now = std::chrono::steady_clock::now();
        if (ended_ || now - died_ < kRestartAfter) {
            ++lost_;
            return {};
        }
        died_ = now;
        BERTH_CHECK(start());
    }
    const std::size_t waiting = queue_.size() - sent_;
    if (lossy_ && waiting > 0 && waiting + line.size() > *lossy_) {
        ++lost_;
        return {};
    }
    append_frame(queue_, stream, time, line, partial);
    ++queued_records_;
    if (queue_.size() - sent_ < kHoldUpAt) return {};
    return push();
}

Result<> PipeLog::flush() {
    BERTH_CHECK(push());
    return hear();
}

void PipeLog::give_up_queue() {
    lost_ += queued_records_;
    queued_records_ = 0;
    queue_.clear();
    sent_ = 0;
    pipe_.reset();
    died_ = std::chrono::steady_clock::now();
}

Result<> PipeLog::push() {
    while (pipe_ && sent_ < queue_.size()) {
        const ssize_t written = ::write(pipe_.get(), queue_.data() + sent_, queue_.size() - sent_);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && errno == EAGAIN) break;
        if (written < 0) {
            auto error = fail_errno("the logger has died");
            give_up_queue();
            return error;
        }
        sent_ += static_cast<std::size_t>(written);
    }
    if (sent_ == queue_.size()) {
        queue_.clear();
        if (queue_.capacity() > 2 * kHoldUpAt) queue_.shrink_to_fit();
        sent_ = 0;
        queued_records_ = 0;
    } else if (sent_ > (1 << 20) && sent_ > queue_.size() / 2) {
        queue_.erase(0, sent_);
        sent_ = 0;
    }
    return {};
}

Result<> PipeLog::hear() {
    if (!answers_) return {};
    char buffer[1024];
    const ssize_t got = ::read(answers_.get(), buffer, sizeof buffer);
    if (got <= 0) return {};
    std::string said(buffer, static_cast<std::size_t>(got));
    if (said == "ok\n") return {};  // of one that was started again
    while (said.ends_with('\n')) said.pop_back();
    return fail(ErrorKind::kInternal, std::move(said));
}

LogDriver::Wait PipeLog::waiting() const {
    if (pipe_ && sent_ < queue_.size()) return {pipe_.get(), true};
    if (ended_ && logger_.pidfd) return {logger_.pidfd.get(), false};
    return {};
}

bool PipeLog::behind() const {
    return !lossy_ && queue_.size() - sent_ >= kHoldUpAt;
}

bool PipeLog::end() {
    ended_ = true;
    (void)push().has_value();
    if (pipe_ && sent_ < queue_.size()) return false;
    pipe_.reset();
    if (!logger_.pidfd) return true;
    pollfd gone{logger_.pidfd.get(), POLLIN, 0};
    return ::poll(&gone, 1, 0) != 0;
}

}  // namespace berth::logs
