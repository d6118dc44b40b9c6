#include "engine/sys/user_space.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "engine/base/files.h"

namespace berth::sys {

namespace {

constexpr std::size_t kStack = 16 << 10;

std::string map_text(const std::vector<IdRange>& ranges) {
    std::string out;
    for (const IdRange& range : ranges) {
        out += std::to_string(range.inside) + " " + std::to_string(range.outside) + " " +
               std::to_string(range.count) + "\n";
    }
    return out;
}

}  // namespace

struct UserSpace::Holder {
    ~Holder() {
        if (pid <= 0) return;
        ::kill(pid, SIGKILL);
        while (::waitpid(pid, nullptr, __WALL) < 0 && errno == EINTR) {
        }
    }

    int joined_fd = -1;  // the user namespace to be in
    int theirs = -1;
    UniqueFd ours;
    pid_t pid = -1;
    alignas(16) std::array<char, kStack> stack{};
};

namespace {

// In the memory of whoever started it, and beside him: system calls and the stack alone.
int hold(int joined_fd, int theirs) {
    int reason = 0;
    if (joined_fd >= 0 && (::setns(joined_fd, CLONE_NEWUSER) != 0 || ::unshare(CLONE_NEWNET) != 0))
        reason = errno;
    // Nobody's files are held open, and the other end of the socket least of all.
    if (theirs > 0) ::syscall(SYS_close_range, 0U, static_cast<unsigned>(theirs) - 1, 0U);
    ::syscall(SYS_close_range, static_cast<unsigned>(theirs) + 1, ~0U, 0U);
    ::syscall(SYS_write, theirs, &reason, sizeof reason);
    int nothing = 0;
    while (::syscall(SYS_read, theirs, &nothing, sizeof nothing) < 0) {
    }
    return 0;
}

}  // namespace

UserSpace::UserSpace(std::unique_ptr<Holder> holder) : holder_(std::move(holder)) {}
UserSpace::UserSpace(UserSpace&&) noexcept = default;
UserSpace::~UserSpace() = default;

std::string UserSpace::folder() const {
    return "/proc/" + std::to_string(holder_->pid) + "/ns/";
}

Result<UserSpace> UserSpace::start(int joined_fd, int fresh) {
    int pair[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return fail_errno("socketpair");
    auto holder = std::make_unique<Holder>();
    holder->ours.reset(pair[0]);
    UniqueFd theirs(pair[1]);
    holder->theirs = theirs.get();
    holder->joined_fd = joined_fd;
    const auto main = [](void* context) {
        const auto& self = *static_cast<const Holder*>(context);
        ::syscall(SYS_exit_group, hold(self.joined_fd, self.theirs));
        return 0;
    };
    // No handler of this process's may run in there.
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    holder->pid = ::clone(main, holder->stack.data() + kStack, CLONE_VM | fresh, holder.get());
    const int reason = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (holder->pid < 0) return fail_errno("make a user namespace", reason);
    theirs.reset();
    int failed = EPIPE;
    ssize_t got = 0;
    while ((got = ::read(holder->ours.get(), &failed, sizeof failed)) < 0 && errno == EINTR) {
    }
    if (got != sizeof failed) return fail_errno("make a user namespace", EPIPE);
    if (failed != 0) return fail_errno("join the user namespace", failed);
    return UserSpace(std::move(holder));
}

Result<UserSpace> UserSpace::make(const IdMaps& maps, Network network) {
    const int fresh = CLONE_NEWUSER | (network == Network::kOwn ? CLONE_NEWNET : 0);
    BERTH_TRY(UserSpace space, start(-1, fresh));
    const std::string process = "/proc/" + std::to_string(space.holder_->pid);
    BERTH_CHECK(in("map the users of a namespace", write_file(process + "/uid_map", map_text(maps.uids))));
    BERTH_CHECK(in("map the groups of a namespace", write_file(process + "/gid_map", map_text(maps.gids))));
    return space;
}

Result<UserSpace> UserSpace::join(const std::string& path) {
    BERTH_TRY(UniqueFd space, open_file(path, O_RDONLY));
    return start(space.get(), 0);
}

}  // namespace berth::sys
