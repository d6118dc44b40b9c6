#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "engine/sys/detached_mount.h"

namespace berth::sys {

namespace {

// The kernel's log of a file system context says which option it dislikes ("e overlay: …").
std::string context_message(int context) {
    char buffer[512];
    std::string all;
    for (ssize_t length; (length = ::read(context, buffer, sizeof buffer)) > 0;) {
        std::string_view line(buffer, static_cast<std::size_t>(length));
        if (line.size() > 2 && line[1] == ' ') line.remove_prefix(2);
        while (!line.empty() && line.back() == '\n') line.remove_suffix(1);
        if (!all.empty()) all += "; ";
        all += line;
    }
    return all;
}

Failure context_failure(int context, std::string what) {
    int err = errno;
    std::string detail = context_message(context);
    if (!detail.empty()) what += " (" + detail + ")";
    return fail_errno(what, err);
}

Result<> set_option(int context, const std::string& key, const char* value) {
    unsigned command = value == nullptr ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    if (::fsconfig(context, command, key.c_str(), value, 0) != 0) {
        return context_failure(context, "mount option " + key);
    }
    return {};
}

Result<> set_data(int context, const std::string& type, const std::string& word) {
    auto equals = word.find('=');
    if (equals == word.npos) return set_option(context, word, nullptr);
    std::string key = word.substr(0, equals), value = word.substr(equals + 1);
    if (type != "overlay" || key != "lowerdir") return set_option(context, key, value.c_str());
    for (const std::string& folder : split_lower_folders(value)) {
        BERTH_CHECK(set_option(context, "lowerdir+", folder.c_str()));
    }
    return {};
}

Result<UniqueFd> clone_tree(const Mount& mount, const MountOptions& options) {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (options.recursive_bind ? AT_RECURSIVE : 0u);
    UniqueFd tree(::open_tree(AT_FDCWD, mount.source.c_str(), flags));
    if (!tree) return fail_errno("clone the mount at " + mount.source);
    if ((options.set_all | options.clear_all) != 0) {
        BERTH_CHECK(set_mount_attributes(tree.get(), options.set_all, options.clear_all, true));
    }
    if ((options.set | options.clear) != 0) {
        BERTH_CHECK(set_mount_attributes(tree.get(), options.set, options.clear, false));
    }
    return tree;
}

}  // namespace

std::vector<std::string> split_lower_folders(std::string_view value) {
    std::vector<std::string> folders(1);
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] == '\\' && i + 1 < value.size()) {
            folders.back() += value[++i];
        } else if (value[i] == ':') {
            folders.emplace_back();
        } else {
            folders.back() += value[i];
        }
    }
    return folders;
}

Result<UniqueFd> mount_by_context(const Mount& mount, const MountOptions& options) {
    if (options.bind) return clone_tree(mount, options);
    UniqueFd context(::fsopen(mount.type.c_str(), FSOPEN_CLOEXEC));
    if (!context) return fail_errno("file system " + mount.type);
    if (!mount.source.empty()) BERTH_CHECK(set_option(context.get(), "source", mount.source.c_str()));
    for (const std::string& flag : options.super_flags) BERTH_CHECK(set_option(context.get(), flag, nullptr));
    for (const std::string& word : options.data) BERTH_CHECK(set_data(context.get(), mount.type, word));
    if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
        return context_failure(context.get(), "mount " + mount.type);
    }
    UniqueFd mounted(
        ::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(options.set | options.set_all)));
    if (!mounted) return context_failure(context.get(), "mount " + mount.type);
    return mounted;
}

}  // namespace berth::sys
