#include "engine/executor/criu.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/files.h"
#include "engine/executor/host_program.h"
#include "engine/executor/report.h"
#include "engine/sys/descriptor_passing.h"
#include "engine/sys/pidfd.h"

namespace berth::executor {

namespace {

// Of criu_req and criu_resp.
enum Field : unsigned {
    kType = 1,
    kOptions = 2,
    kSuccess = 2,
    kNotifySuccess = 3,
    kNotify = 5,
    kAskedFeatures = 5,
    kErrno = 7,
    kFeaturesFound = 8,
    kErrorText = 9,
    kVersionFound = 10
};

struct Packet {
    std::string bytes;
    UniqueFd descriptor;
};

Result<Packet> receive(int socket) {
    Packet out;
    out.bytes.resize(10 * 4096);
    std::vector<UniqueFd> fds;
    BERTH_TRY(std::size_t got, in("hear from criu", sys::receive_with_descriptors(socket, out.bytes, fds)));
    if (got == 0) return fail(ErrorKind::kUnavailable, "criu ended without an answer");
    out.bytes.resize(got);
    if (fds.size() == 1) out.descriptor = std::move(fds.front());
    return out;
}

Result<unsigned> cgroups_mode(const std::string& name) {
    if (name.empty()) return 6U;
    if (name == "ignore") return 0U;
    if (name == "soft") return 3U;
    if (name == "full") return 4U;
    if (name == "strict") return 5U;
    return fail(ErrorKind::kInvalidArgument, "invalid manage-cgroups-mode value");
}

// An annotation names a configuration file of the container's own; an empty one means none.
std::string config_file(const oci::RuntimeSpec& spec) {
    auto own = spec.annotations.find("org.criu.config");
    return own == spec.annotations.end() ? "/etc/criu/runc.conf" : own->second;
}

Result<UniqueFd> open_folder(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return fail_errno("mkdir " + path);
    return open_file(path, O_RDONLY | O_DIRECTORY);
}

}  // namespace

Result<Criu> Criu::start(const std::vector<int>& streams, const std::vector<int>& extra) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return fail_errno("socketpair");
    UniqueFd theirs(pair[1]);
    Criu out;
    out.socket_.reset(pair[0]);
    sys::SpawnOptions options;
    BERTH_TRY(options.path, find_host_program("criu"));
    options.argv = {"criu", "swrk", "3"};
    for (char** word = environ; *word != nullptr; ++word) options.env.emplace_back(*word);
    options.fds = streams;
    options.fds.push_back(theirs.get());
    options.fds.insert(options.fds.end(), extra.begin(), extra.end());
    BERTH_TRY(out.child_, sys::spawn(options));
    return out;
}

Result<> Criu::send(const CriuMessage& message) {
    if (::send(socket_.get(), message.bytes().data(), message.bytes().size(), MSG_NOSIGNAL) < 0)
        return fail_errno("send to criu");
    return {};
}

Result<CriuFields> Criu::converse(CriuRequest request, const OnNotice& notice) {
    for (;;) {
        BERTH_TRY(Packet packet, receive(socket_.get()));
        BERTH_TRY(CriuFields said, CriuFields::parse(packet.bytes));
        if (said.number(kSuccess) == 0) {
            std::string text = said.text(kErrorText);
            return fail(ErrorKind::kInternal,
                        fmt::format("criu failed: type {} errno {}{}", said.number(kType),
                                    said.number(kErrno), text.empty() ? "" : ": " + text));
        }
        if (said.number(kType) != static_cast<unsigned>(CriuRequest::kNotify)) {
            if (said.number(kType) == static_cast<unsigned>(request)) return said;
            return fail(ErrorKind::kUnavailable, "criu gave the answer to another question");
        }
        CriuFields told = said.message(kNotify);
        CriuNotice one{told.text(1), static_cast<pid_t>(told.number(2)), std::move(packet.descriptor)};
        if (notice) BERTH_CHECK(notice(one));
        CriuMessage heard;
        heard.number(kType, static_cast<unsigned>(CriuRequest::kNotify)).number(kNotifySuccess, 1);
        BERTH_CHECK(send(heard));
    }
}

Result<CriuFields> Criu::ask(CriuRequest request, const CriuMessage* options, const OnNotice& notice,
                             const CriuMessage* features) {
    CriuMessage message;
    message.number(kType, static_cast<unsigned>(request));
    if (options != nullptr) message.message(kOptions, *options);
    if (features != nullptr) message.message(kAskedFeatures, *features);
    auto answer =
        send(message) ? converse(request, notice) : Result<CriuFields>(fail_errno("send to criu", EPIPE));
    // It waits for more requests after some, and for the notice's answer after an error of ours.
    socket_.reset();
    if (!answer) ::kill(child_.pid, SIGKILL);
    BERTH_TRY(sys::ChildStatus status, sys::wait_child(child_.pidfd.get()));
    if (answer && status.exit_code != 0 && request != CriuRequest::kPreDump)
        return fail(ErrorKind::kInternal, fmt::format("criu failed: exit status {}", status.exit_code));
    return answer;
}

Result<unsigned> criu_version() {
    BERTH_TRY(Criu criu, Criu::start());
    BERTH_TRY(CriuFields said, in("CRIU version check failed", criu.ask(CriuRequest::kVersion, nullptr)));
    CriuFields version = said.message(kVersionFound);
    return static_cast<unsigned>(version.number(1) * 10000 + version.number(2) * 100 + version.number(4));
}

Result<> need_criu_feature(unsigned field, const char* name) {
    BERTH_TRY(Criu criu, Criu::start());
    CriuMessage asked;
    asked.number(field, 1);
    BERTH_TRY(CriuFields said,
              in("CRIU feature check failed", criu.ask(CriuRequest::kFeatures, nullptr, {}, &asked)));
    if (said.message(kFeaturesFound).number(field) != 0) return {};
    return fail(ErrorKind::kUnavailable, fmt::format("criu is missing features: [{}]", name));
}

Result<CriuFolders> open_criu_folders(const CriuOptions& flags, const char* log_file) {
    CriuFolders out;
    BERTH_TRY(out.images, open_file(flags.image_path, O_RDONLY | O_DIRECTORY));
    out.log = flags.image_path + "/" + log_file;
    if (flags.work_path.empty()) return out;
    BERTH_TRY(out.work, open_folder(flags.work_path));
    out.log = flags.work_path + "/" + log_file;
    return out;
}

Result<CriuMessage> common_criu_options(const Options& options, const oci::RuntimeSpec& spec,
                                        const CriuFolders& folders, const char* log_file) {
    const CriuOptions& flags = options.criu;
    BERTH_TRY(unsigned mode, cgroups_mode(flags.cgroups_mode));
    for (const std::string& space : flags.empty_ns) {
        if (space != "network")
            return fail(ErrorKind::kInvalidArgument, "namespace \"" + space + "\" is not supported");
    }
    // Descriptors go by the number that they have here: criu opens them through /proc.
    CriuMessage out;
    out.number(1, static_cast<unsigned>(folders.images.get())).number(9, 4).text(10, log_file);
    if (folders.work) out.number(17, static_cast<unsigned>(folders.work.get()));
    out.flag(4, flags.ext_unix_sk)
        .flag(5, flags.tcp_established)
        .flag(7, flags.shell_job)
        .flag(8, flags.file_locks);
    out.number(12, 1).flag(16, flags.auto_dedup).number(24, 1).number(34, mode);
    // The network's devices are somebody else's.
    out.number(38, CLONE_NEWNET).flag(48, flags.lazy_pages).number(50, 1).text_if(51, config_file(spec));
    return out;
}

void quote_criu_log(const Options& options, const std::string& path) {
    constexpr int kMost = 20;
    std::string text = read_file(path).value_or("");
    int quoted = 0;
    for (std::size_t at = 0; at < text.size() && quoted < kMost;) {
        std::string line = text.substr(at, text.find('\n', at) - at);
        at += line.size() + 1;
        if (line.find("Error") == std::string::npos) continue;
        warn(options, path + ": " + line);
        ++quoted;
    }
}

}  // namespace berth::executor
