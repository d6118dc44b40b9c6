#include "engine/confine/unpack.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>

#include "engine/archive/byte_source.h"
#include "engine/base/files.h"
#include "engine/confine/helper_process.h"

namespace berth::confine {

namespace {

Result<UnpackReport> report_of(Result<std::vector<Fields>> records) {
    if (!records) return Failure(std::move(records.error()));
    const Fields& done = records->back();
    UnpackReport report{.entries = std::strtoull(done[3].c_str(), nullptr, 10),
                        .names_root = records->front() == Fields{"root"}};
    if (!done[1].empty()) {
        BERTH_TRY(report.diff_id, Digest::parse(done[1]));
    }
    return report;
}

Result<HelperProcess> start_unpack(const HelperOptions& options, std::string task, int input,
                                   const LayerTarget& target, const std::vector<int>& extra) {
    BERTH_TRY(UniqueFd folder, open_file(target.folder, O_RDONLY | O_DIRECTORY));
    std::vector<std::string> arguments{std::move(task)};
    arguments.insert(arguments.end(), target.parents.begin(), target.parents.end());
    return HelperProcess::start(options, std::move(arguments), input, folder.get(), extra);
}

class Unpacker : public LayerUnpacker {
 public:
    Unpacker(HelperProcess helper, UniqueFd growth, std::chrono::milliseconds patience)
        : helper_(std::move(helper)), growth_(std::move(growth)), patience_(patience) {}

    // One that does not fit is made up for by the next.
    void grown(std::uint64_t bytes) override { (void)tell(bytes); }

    Result<UnpackReport> finish(std::uint64_t bytes) override {
        while (!tell(bytes | archive::GrowingSource::kWhole)) {
            if (errno == EINTR) continue;
            // One that is gone has left its reason.
            if (errno != EAGAIN) break;
            pollfd wait{growth_.get(), POLLOUT, 0};
            if (::poll(&wait, 1, static_cast<int>(patience_.count())) == 0)
                return fail(ErrorKind::kDeadlineExceeded, "berth-helper: no progress, given up");
        }
        return report_of(helper_.finish());
    }

 private:
    bool tell(std::uint64_t message) {
        return ::send(growth_.get(), &message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof message;
    }

    HelperProcess helper_;
    UniqueFd growth_;
    std::chrono::milliseconds patience_;
};

}  // namespace

Result<LayerTarget> layer_target(const sys::Mount& active) {
    LayerTarget target;
    if (active.type == "bind") target.folder = active.source;
    for (const std::string& option : active.options) {
        constexpr std::string_view kUpper = "upperdir=", kLower = "lowerdir=";
        if (option.starts_with(kUpper)) target.folder = option.substr(kUpper.size());
        if (!option.starts_with(kLower)) continue;
        std::string_view rest = std::string_view(option).substr(kLower.size());
        while (!rest.empty()) {
            std::string_view one = rest.substr(0, rest.find(':'));
            rest.remove_prefix(std::min(rest.size(), one.size() + 1));
            if (!one.empty()) target.parents.emplace_back(one);
        }
    }
    if (target.folder.empty()) return fail(ErrorKind::kInternal, "a mount without a folder to write to");
    return target;
}

Result<std::unique_ptr<LayerUnpacker>> LayerUnpacker::start(HelperOptions options, int file,
                                                            const LayerTarget& target) {
    // Messages rather than bytes: one arrives whole or not at all.
    int pair[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return fail_errno("socketpair");
    UniqueFd ours(pair[0]), theirs(pair[1]);
    const char* task = target.below_unknown ? "unpack-growing-alone" : "unpack-growing";
    const auto patience = options.stall;
    BERTH_TRY(HelperProcess helper, start_unpack(options, task, file, target, {theirs.get()}));
    return std::unique_ptr<LayerUnpacker>(
        std::make_unique<Unpacker>(std::move(helper), std::move(ours), patience));
}

Result<UnpackReport> unpack_layer(HelperOptions options, int input_fd, const LayerTarget& target) {
    BERTH_TRY(HelperProcess helper, start_unpack(options, "unpack", input_fd, target, {}));
    return report_of(helper.finish());
}

}  // namespace berth::confine
