#include "engine/executor/bind_words.h"

#include <sys/mount.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

namespace berth::executor {

namespace {

struct Flag {
    const char* off;  // the word that takes it away
    std::uint64_t attribute;
    unsigned long status;  // of statvfs(3)
};
constexpr Flag kFlags[] = {{"rw", MOUNT_ATTR_RDONLY, ST_RDONLY},
                           {"suid", MOUNT_ATTR_NOSUID, ST_NOSUID},
                           {"dev", MOUNT_ATTR_NODEV, ST_NODEV},
                           {"exec", MOUNT_ATTR_NOEXEC, ST_NOEXEC}};

constexpr const char* kTimeOff[] = {"atime", "diratime", "norelatime", "nostrictatime"};
constexpr const char* kTimeOn[] = {"noatime", "relatime", "strictatime", "nodiratime"};

constexpr std::uint64_t kTimes = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;

std::uint64_t times_of(unsigned long status) {
    std::uint64_t times = (status & ST_NOATIME) != 0    ? MOUNT_ATTR_NOATIME
                          : (status & ST_RELATIME) != 0 ? MOUNT_ATTR_RELATIME
                                                        : MOUNT_ATTR_STRICTATIME;
    return times | ((status & ST_NODIRATIME) != 0 ? std::uint64_t{MOUNT_ATTR_NODIRATIME} : 0);
}

template <class Words>
bool contains(const Words& words, const std::string& word) {
    return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

}  // namespace

Result<std::vector<std::string>> bind_words(const oci::SpecMount& mount, const sys::MountOptions& options,
                                            bool locked) {
    if ((options.set | options.clear) == 0) return mount.options;
    struct statvfs source{};
    if (locked && ::statvfs(mount.source.c_str(), &source) != 0) return fail_errno("stat " + mount.source);
    std::vector<std::string> words = {"symfollow"};
    for (const Flag& flag : kFlags) {
        bool kept = (source.f_flag & flag.status) != 0;
        if (!kept) words.emplace_back(flag.off);
        if (kept && (options.clear & flag.attribute) != 0)
            return fail_errno(std::string("mount option ") + flag.off, EPERM);
    }
    bool timed = std::any_of(mount.options.begin(), mount.options.end(),
                             [](const std::string& word) { return contains(kTimeOn, word); });
    if (locked && timed && (times_of(source.f_flag) != (options.set & kTimes)))
        return fail_errno("mount options for time stamps", EPERM);
    // One mode replaces all of it.
    if (timed) words.insert(words.end(), {"diratime", "relatime"});
    for (const std::string& word : mount.options) {
        if (!contains(kTimeOff, word)) words.push_back(word);
    }
    return words;
}

}  // namespace berth::executor
