#include "engine/daemon/remap_user.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <vector>

#include "engine/base/files.h"
#include "engine/daemon/sub_ids.h"
#include "engine/sys/pidfd.h"
#include "engine/sys/spawn.h"

namespace berth::daemon {

namespace {

constexpr std::uint32_t kCount = 65536;

std::string find_program(const std::string& name) {
    for (const char* folder : {"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"}) {
        std::string path = folder + name;
        if (::access(path.c_str(), X_OK) == 0) return path;
    }
    return "";
}

// What it says, good or bad, is short: it fits into the pipe.
Result<> run(const std::string& program, std::vector<std::string> arguments) {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return fail_errno("pipe");
    UniqueFd output(fds[0]), theirs(fds[1]);
    sys::SpawnOptions options;
    options.argv = {program};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
    options.fds = {-1, theirs.get(), theirs.get()};
    BERTH_TRY(auto child, sys::spawn(options));
    theirs.reset();
    auto said = read_all(output.get(), 64 << 10);
    BERTH_TRY(const auto status, sys::wait_child(child.pidfd.get()));
    if (status.exit_code == 0) return {};
    return fail(ErrorKind::kInternal,
                fmt::format("exit status {}; output: \"{}\"", status.exit_code, said.value_or("")));
}

Result<> add_user(const std::string& name) {
    if (const auto program = find_program("adduser"); !program.empty()) {
        return in("failed to add user with error",
                  run(program, {"--system", "--shell", "/bin/false", "--no-create-home", "--disabled-login",
                                "--disabled-password", "--group", name}));
    }
    if (const auto program = find_program("useradd"); !program.empty())
        return in("failed to add user with error", run(program, {"-r", "-s", "/bin/false", name}));
    return fail(ErrorKind::kUnavailable, "cannot add user; no useradd/adduser binary found");
}

// `option`: of usermod.
Result<> add_range(const char* path, const char* kind, const char* option, const passwd& user) {
    BERTH_TRY(const auto own, read_sub_ids(path, user.pw_name, user.pw_uid));
    if (!own.empty()) return {};
    const auto program = find_program("usermod");
    if (program.empty()) return fail(ErrorKind::kUnavailable, "no usermod binary found");
    auto text = read_file(path, 1 << 20);
    BERTH_TRY(auto taken, parse_sub_ids(text ? *text : ""));
    const auto first = next_sub_ids(std::move(taken), kCount);
    return in(fmt::format("unable to add {} range to user: \"{}\"", kind, user.pw_name),
              run(program, {option, fmt::format("{}-{}", first, first + kCount - 1), user.pw_name}));
}

}  // namespace

Result<> make_remap_user(const std::string& name) {
    BERTH_CHECK(in(fmt::format("error adding user \"{}\"", name), add_user(name)));
    const passwd* user = ::getpwnam(name.c_str());
    if (user == nullptr) return fail(ErrorKind::kInternal, "error trying to find uid/gid for new user");
    const char* kPhrase = "couldn't create subordinate ID ranges";
    BERTH_CHECK(in(kPhrase, add_range("/etc/subuid", "subuid", "-v", *user)));
    return in(kPhrase, add_range("/etc/subgid", "subgid", "-w", *user));
}

}  // namespace berth::daemon
