#include "engine/spec/tmpfs_options.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace berth::spec {

namespace {

struct Flag {
    std::string_view word, topic;
};
// Words about one topic exclude each other.
constexpr Flag kFlags[] = {{"ro", "ro"},
                           {"rw", "ro"},
                           {"suid", "suid"},
                           {"nosuid", "suid"},
                           {"dev", "dev"},
                           {"nodev", "dev"},
                           {"exec", "exec"},
                           {"noexec", "exec"},
                           {"sync", "sync"},
                           {"async", "sync"},
                           {"dirsync", "dirsync"},
                           {"remount", "remount"},
                           {"mand", "mand"},
                           {"nomand", "mand"},
                           {"atime", "atime"},
                           {"noatime", "atime"},
                           {"diratime", "diratime"},
                           {"nodiratime", "diratime"},
                           {"relatime", "relatime"},
                           {"norelatime", "relatime"},
                           {"strictatime", "strictatime"},
                           {"nostrictatime", "strictatime"},
                           {"bind", "tree"},
                           {"rbind", "tree"},
                           {"unbindable", "tree"},
                           {"runbindable", "tree"},
                           {"private", "tree"},
                           {"rprivate", "tree"},
                           {"shared", "tree"},
                           {"rshared", "tree"},
                           {"slave", "tree"},
                           {"rslave", "tree"}};
constexpr std::string_view kValues[] = {"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"};

// What the option sets, or "" if tmpfs has no such option.
std::string_view topic_of(std::string_view option) {
    for (const auto& flag : kFlags) {
        if (flag.word == option) return flag.topic;
    }
    const auto equals = option.find('=');
    if (equals == std::string_view::npos) return {};
    for (auto name : kValues) {
        if (name == option.substr(0, equals)) return name;
    }
    return {};
}

}  // namespace

Result<std::vector<std::string>> merge_tmpfs_options(const std::vector<std::string>& options) {
    std::vector<std::string> all{"noexec", "nosuid", "nodev", "rprivate"};
    all.insert(all.end(), options.begin(), options.end());
    std::vector<std::string> out;
    std::set<std::string_view> seen;
    for (auto option = all.rbegin(); option != all.rend(); ++option) {
        if (*option == "defaults") continue;
        const auto topic = topic_of(*option);
        if (topic.empty()) {
            return fail(ErrorKind::kInvalidArgument,
                        "invalid tmpfs option \"" + option->substr(0, option->find('=')) + "\"");
        }
        if (seen.insert(topic).second) out.push_back(*option);
    }
    std::reverse(out.begin(), out.end());
    return out;
}

}  // namespace berth::spec
