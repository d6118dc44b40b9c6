#include "engine/sys/mount_options.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

namespace berth::sys {

namespace {

// Words for an attribute; with an "r" in front they mean the whole tree.
struct AttributeWord {
    std::string_view word;
    bool set;
    std::uint64_t attribute;
};
constexpr std::uint64_t kNoSymFollow = 0x00200000;  // MOUNT_ATTR_NOSYMFOLLOW, Linux 5.14

constexpr AttributeWord kAttributes[] = {
    {"ro", true, MOUNT_ATTR_RDONLY},
    {"rw", false, MOUNT_ATTR_RDONLY},
    {"nosuid", true, MOUNT_ATTR_NOSUID},
    {"suid", false, MOUNT_ATTR_NOSUID},
    {"nodev", true, MOUNT_ATTR_NODEV},
    {"dev", false, MOUNT_ATTR_NODEV},
    {"noexec", true, MOUNT_ATTR_NOEXEC},
    {"exec", false, MOUNT_ATTR_NOEXEC},
    {"nodiratime", true, MOUNT_ATTR_NODIRATIME},
    {"diratime", false, MOUNT_ATTR_NODIRATIME},
    {"nosymfollow", true, kNoSymFollow},
    {"symfollow", false, kNoSymFollow},
    {"relatime", true, MOUNT_ATTR_RELATIME},
    {"norelatime", false, MOUNT_ATTR__ATIME},
    {"noatime", true, MOUNT_ATTR_NOATIME},
    {"atime", false, MOUNT_ATTR__ATIME},
    {"strictatime", true, MOUNT_ATTR_STRICTATIME},
    {"nostrictatime", false, MOUNT_ATTR__ATIME},
};

struct PropagationWord {
    std::string_view word;
    unsigned long flags;
};
constexpr PropagationWord kPropagations[] = {
    {"private", MS_PRIVATE},       {"rprivate", MS_PRIVATE | MS_REC},
    {"slave", MS_SLAVE},           {"rslave", MS_SLAVE | MS_REC},
    {"shared", MS_SHARED},         {"rshared", MS_SHARED | MS_REC},
    {"unbindable", MS_UNBINDABLE}, {"runbindable", MS_UNBINDABLE | MS_REC},
};

constexpr std::string_view kSuperFlags[] = {"sync",     "async",      "dirsync",  "mand",      "nomand",
                                            "lazytime", "nolazytime", "iversion", "noiversion"};
constexpr std::string_view kMeaningless[] = {"defaults", "silent", "loud"};

// The time-stamp modes are one field of the attributes: a new one replaces the old.
void apply(const AttributeWord& word, std::uint64_t& set, std::uint64_t& clear) {
    std::uint64_t mask = word.attribute;
    bool is_time = (word.attribute & ~std::uint64_t{MOUNT_ATTR__ATIME}) == 0;
    if (is_time) mask = MOUNT_ATTR__ATIME;
    set &= ~mask;
    clear &= ~mask;
    if (word.set) {
        set |= word.attribute;
        if (is_time) clear |= MOUNT_ATTR__ATIME;
    } else {
        clear |= mask;
    }
}

const AttributeWord* find_attribute(std::string_view word) {
    auto found = std::find_if(std::begin(kAttributes), std::end(kAttributes),
                              [&](const AttributeWord& entry) { return entry.word == word; });
    return found == std::end(kAttributes) ? nullptr : found;
}

bool parse_attribute(std::string_view word, MountOptions& out) {
    if (const AttributeWord* found = find_attribute(word)) {
        apply(*found, out.set, out.clear);
        return true;
    }
    if (!word.starts_with('r')) return false;
    const AttributeWord* found = find_attribute(word.substr(1));
    if (found == nullptr) return false;
    apply(*found, out.set_all, out.clear_all);
    return true;
}

bool contains(auto& list, std::string_view word) {
    return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

}  // namespace

Result<MountOptions> parse_mount_options(const std::vector<std::string>& words) {
    MountOptions out;
    for (const std::string& word : words) {
        auto propagation = std::find_if(std::begin(kPropagations), std::end(kPropagations),
                                        [&](const PropagationWord& entry) { return entry.word == word; });
        if (word == "bind" || word == "rbind") {
            out.bind = true;
            out.recursive_bind = word == "rbind";
        } else if (propagation != std::end(kPropagations)) {
            out.propagation.push_back(propagation->flags);
        } else if (word == "tmpcopyup") {
            out.copy_up = true;
        } else if (word == "idmap" || word == "ridmap") {
            out.idmap = word == "ridmap";
        } else if (word == "remount") {
            return fail(ErrorKind::kInvalidArgument, "mount option \"remount\" is not supported");
        } else if (contains(kSuperFlags, word)) {
            out.super_flags.push_back(word);
        } else if (!word.empty() && !contains(kMeaningless, word) && !parse_attribute(word, out)) {
            out.data.push_back(word);
        }
    }
    return out;
}

unsigned long mount_flags_of(std::uint64_t attributes) {
    unsigned long flags = 0;
    if ((attributes & MOUNT_ATTR_RDONLY) != 0) flags |= MS_RDONLY;
    if ((attributes & MOUNT_ATTR_NOSUID) != 0) flags |= MS_NOSUID;
    if ((attributes & MOUNT_ATTR_NODEV) != 0) flags |= MS_NODEV;
    if ((attributes & MOUNT_ATTR_NOEXEC) != 0) flags |= MS_NOEXEC;
    if ((attributes & MOUNT_ATTR_NODIRATIME) != 0) flags |= MS_NODIRATIME;
    if ((attributes & kNoSymFollow) != 0) flags |= 256;  // MS_NOSYMFOLLOW, Linux 5.10
    switch (attributes & MOUNT_ATTR__ATIME) {
        case MOUNT_ATTR_NOATIME:
            flags |= MS_NOATIME;
            break;
        case MOUNT_ATTR_STRICTATIME:
            flags |= MS_STRICTATIME;
            break;
        default:
            break;  // relatime is what mount(2) does unasked
    }
    return flags;
}

bool can_set_attributes() {
    static const bool kCan = [] {
        mount_attr nothing{};
        return ::mount_setattr(-1, "", 0, &nothing, sizeof nothing) == 0 || errno != ENOSYS;
    }();
    return kCan;
}

namespace {

std::uint64_t attributes_of(int fd) {
    static constexpr std::pair<unsigned long, std::uint64_t> kKnown[] = {
        {ST_RDONLY, MOUNT_ATTR_RDONLY},   {ST_NOSUID, MOUNT_ATTR_NOSUID},
        {ST_NODEV, MOUNT_ATTR_NODEV},     {ST_NOEXEC, MOUNT_ATTR_NOEXEC},
        {ST_NOATIME, MOUNT_ATTR_NOATIME}, {ST_NODIRATIME, MOUNT_ATTR_NODIRATIME}};
    struct statvfs status{};
    std::uint64_t out = 0;
    if (::fstatvfs(fd, &status) != 0) return out;
    for (const auto& [flag, attribute] : kKnown) out |= (status.f_flag & flag) != 0 ? attribute : 0;
    return out;
}

Result<> remount(int fd, std::uint64_t set, std::uint64_t clear) {
    unsigned long flags = mount_flags_of((attributes_of(fd) & ~clear) | set);
    std::string path = "/proc/self/fd/" + std::to_string(fd);
    if (::mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_BIND | flags, nullptr) != 0)
        return fail_errno("remount");
    return {};
}

}  // namespace

Result<> set_mount_attributes(int fd, std::uint64_t set, std::uint64_t clear, bool recursive) {
    mount_attr attributes{};
    attributes.attr_set = set;
    attributes.attr_clr = clear;
    // The kernel takes a new time-stamp mode only together with the whole field cleared.
    if ((set & MOUNT_ATTR__ATIME) != 0) attributes.attr_clr |= MOUNT_ATTR__ATIME;
    unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
    if (::mount_setattr(fd, "", flags, &attributes, sizeof attributes) == 0) return {};
    if (errno != ENOSYS) return fail_errno("mount_setattr");
    return remount(fd, set, clear);
}

}  // namespace berth::sys
