// What the kernel itself asks for a container: the system calls of `run --rm`, bare, with nothing around
// them.
//
//   bench_floor [ROUNDS [PAUSE]]     as root; prints the median of each step in microseconds, and the sums;
//   PAUSE
//                                    milliseconds lie before each round
//
// Each round mounts an overlay, clones a process into five namespaces, makes and joins its cgroups, gives it
// a veth on a bridge, mounts /proc, /dev and /sys, pivots, runs a static `true`, waits, and takes everything
// away again. Nothing is left.
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "engine/sys/netlink.h"
#include "network/sandbox/link.h"

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const char* what) {
    std::perror(what);
    std::_Exit(1);
}
int must(int result, const char* what) {
    if (result < 0) die(what);
    return result;
}
template <class T>
T must(berth::Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "%s\n", result.error().message.c_str());
        std::_Exit(1);
    }
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

enum Step { kOverlay, kCgroupsMade, kCloned, kCgroupsJoined, kVeth, kRoot, kRun, kCleanup, kSteps };
constexpr const char* kNames[kSteps] = {"overlay mounted, detached",  "cgroups made",
                                        "clone into five namespaces", "cgroups joined",
                                        "veth made, enslaved, up",    "/proc /dev /sys mounted, pivot_root",
                                        "exec, run and exit",         "reaped, cgroups removed, unmounted"};

// The root filesystem's lower folder and the overlay's two others, on the disk that /var/tmp is on.
struct Folders {
    std::string top, lower, upper, work, target;
};

Folders make_folders() {
    std::string top = "/var/tmp/berth-floor-XXXXXX";
    if (!mkdtemp(top.data())) die("mkdtemp");
    Folders folders{top, top + "/lower", top + "/upper", top + "/work", top + "/root"};
    for (const auto& folder : {folders.lower, folders.upper, folders.work, folders.target})
        fs::create_directory(folder);
    for (const char* name : {"bin", "proc", "sys", "dev"}) fs::create_directory(folders.lower + "/" + name);
    fs::copy_file("/bin/busybox", folders.lower + "/bin/true");
    return folders;
}

// One folder in every hierarchy of version 1, or one on version 2.
std::vector<std::string> cgroup_folders(const std::string& name) {
    if (fs::exists("/sys/fs/cgroup/cgroup.procs")) return {"/sys/fs/cgroup/" + name};
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator("/sys/fs/cgroup")) {
        if (!entry.is_symlink() && fs::exists(entry.path() / "cgroup.procs"))
            found.push_back(entry.path() / name);
    }
    return found;
}

void write_text(const std::string& path, const std::string& text) {
    int fd = must(open(path.c_str(), O_WRONLY | O_CLOEXEC), path.c_str());
    if (write(fd, text.data(), text.size()) < 0) die(path.c_str());
    close(fd);
}

void make_cgroup(const std::string& folder) {
    must(mkdir(folder.c_str(), 0755), "mkdir cgroup");
    // A v1 cpuset takes no process before it has processors and memory.
    for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
        if (access((folder + file).c_str(), F_OK) != 0 || folder.find("cpuset") == std::string::npos)
            continue;
        std::string value;
        std::getline(std::ifstream(fs::path(folder).parent_path().string() + file), value);
        write_text(folder + file, value);
    }
}

int mount_overlay(const Folders& folders) {
    int context = must(static_cast<int>(syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC)), "fsopen");
    auto set = [&](const char* key, const std::string& value) {
        must(static_cast<int>(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, value.c_str(), 0)),
             key);
    };
    set("lowerdir", folders.lower);
    set("upperdir", folders.upper);
    set("workdir", folders.work);
    must(static_cast<int>(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0)),
         "fsconfig");
    int mounted = must(static_cast<int>(syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0)), "fsmount");
    close(context);
    return mounted;
}

// Everything between the parent's go and exec. `rooted` is shared with the parent.
[[noreturn]] void child(const Folders& folders, int root, int go, Clock::time_point* rooted) {
    char byte;
    if (read(go, &byte, 1) != 1) _exit(1);
    must(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "private /");
    must(static_cast<int>(
             syscall(SYS_move_mount, root, "", AT_FDCWD, folders.target.c_str(), MOVE_MOUNT_F_EMPTY_PATH)),
         "move_mount");
    must(chdir(folders.target.c_str()), "chdir");
    must(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr), "proc");
    must(mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755,size=65536k"), "dev");
    must(mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, nullptr), "sysfs");
    must(static_cast<int>(syscall(SYS_pivot_root, ".", ".")), "pivot_root");
    must(umount2(".", MNT_DETACH), "umount");
    must(chdir("/"), "chdir /");
    *rooted = Clock::now();
    execl("/bin/true", "true", nullptr);
    _exit(127);
}

class Floor {
 public:
    Floor() : folders_(make_folders()) {
        must(unshare(CLONE_NEWNET), "unshare");
        socket_ = std::make_unique<berth::sys::NetlinkSocket>(must(berth::sys::NetlinkSocket::open()));
        must(berth::network::create_bridge(*socket_, "floor0", 1500, ""));
        bridge_ = must(berth::network::find_link(*socket_, "floor0"))->index;
        must(berth::network::set_link_up(*socket_, bridge_));
        rooted_ = static_cast<Clock::time_point*>(mmap(
            nullptr, sizeof(Clock::time_point), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
        cgroups_ = cgroup_folders(fs::path(folders_.top).filename());
    }
    ~Floor() { fs::remove_all(folders_.top); }

    std::array<double, kSteps> round() {
        std::array<Clock::time_point, kSteps + 1> at;
        at[0] = Clock::now();
        int root = mount_overlay(folders_);
        at[kOverlay + 1] = Clock::now();
        for (const auto& folder : cgroups_) make_cgroup(folder);
        at[kCgroupsMade + 1] = Clock::now();
        int go[2];
        must(pipe2(go, O_CLOEXEC), "pipe");
        clone_args arguments{};
        arguments.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC;
        arguments.exit_signal = SIGCHLD;
        pid_t pid = must(static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments)), "clone3");
        if (pid == 0) child(folders_, root, go[0], rooted_);
        at[kCloned + 1] = Clock::now();
        for (const auto& folder : cgroups_) write_text(folder + "/cgroup.procs", std::to_string(pid));
        at[kCgroupsJoined + 1] = Clock::now();
        add_veth(pid);
        at[kVeth + 1] = Clock::now();
        if (write(go[1], "", 1) != 1) die("write");
        int status = 0;
        must(waitpid(pid, &status, 0), "waitpid");
        at[kRoot + 1] = *rooted_;
        at[kRun + 1] = Clock::now();
        if (status != 0) std::fprintf(stderr, "the container ended with status %d\n", status), std::exit(1);
        close(root), close(go[0]), close(go[1]);
        for (const auto& folder : cgroups_) must(rmdir(folder.c_str()), "rmdir cgroup");
        at[kCleanup + 1] = Clock::now();
        std::array<double, kSteps> took;
        for (int step = 0; step < kSteps; ++step) {
            took[step] = std::chrono::duration<double, std::micro>(at[step + 1] - at[step]).count();
        }
        return took;
    }

 private:
    void add_veth(pid_t pid) {
        int netns =
            must(open(("/proc/" + std::to_string(pid) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC), "netns");
        must(berth::network::create_veth(*socket_, {.host_name = "floor" + std::to_string(pid),
                                                    .bridge = bridge_,
                                                    .peer_name = "eth0",
                                                    .netns_fd = netns,
                                                    .peer_mac = berth::network::MacAddress::random()}));
        close(netns);
    }

    Folders folders_;
    std::unique_ptr<berth::sys::NetlinkSocket> socket_;
    int bridge_ = 0;
    Clock::time_point* rooted_ = nullptr;
    std::vector<std::string> cgroups_;
};

}  // namespace

int main(int argc, char** argv) {
    int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 100;
    // As whoever is measured beside it has one: a processor that has been idle is slower.
    int pause_ms = argc > 2 ? std::atoi(argv[2]) : 0;
    std::array<std::vector<double>, kSteps> samples;
    Floor floor;
    for (int round = 0; round < rounds; ++round) {
        ::usleep(static_cast<useconds_t>(pause_ms) * 1000);
        auto took = floor.round();
        for (int step = 0; step < kSteps; ++step) samples[step].push_back(took[step]);
    }
    double sum = 0, veth = 0;
    for (int step = 0; step < kSteps; ++step) {
        auto middle = samples[step].begin() + rounds / 2;
        std::nth_element(samples[step].begin(), middle, samples[step].end());
        std::printf("%-40s %9.0f us\n", kNames[step], *middle);
        sum += *middle;
        if (step == kVeth) veth = *middle;
    }
    std::printf("%-40s %9.0f us\n%-40s %9.0f us\n", "all", sum, "all without the veth", sum - veth);
}
