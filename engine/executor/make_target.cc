#include "engine/executor/make_target.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <deque>
#include <vector>

namespace berth::executor {

namespace {

using Names = std::deque<std::string>;

void put_in_front(Names& names, const std::string& path) {
    Names parts;
    for (std::size_t at = 0; at < path.size();) {
        auto end = std::min(path.find('/', at), path.size());
        if (end > at) parts.push_back(path.substr(at, end - at));
        at = end + 1;
    }
    names.insert(names.begin(), parts.begin(), parts.end());
}

Result<UniqueFd> open_name(int folder, const std::string& name) {
    UniqueFd there(::openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!there) return fail_errno("open " + name);
    return there;
}

// Somebody else may make it at the same moment: what is there then is taken.
Result<UniqueFd> make_name(int folder, const std::string& name, bool file) {
    if (file) {
        UniqueFd made(
            ::openat(folder, name.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755));
        if (!made && errno != EEXIST) return fail_errno("create " + name);
    } else if (::mkdirat(folder, name.c_str(), 0755) != 0 && errno != EEXIST) {
        return fail_errno("mkdir " + name);
    }
    return open_name(folder, name);
}

}  // namespace

Result<UniqueFd> make_target(int root, const std::string& path, bool file) {
    constexpr int kMostLinks = 40;
    std::vector<UniqueFd> way(1);  // from the root down
    way[0].reset(::openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!way[0]) return fail_errno("open the root");
    Names names;
    put_in_front(names, path);
    for (int links = 0; !names.empty();) {
        std::string name = std::move(names.front());
        names.pop_front();
        if (name == ".") continue;
        if (name == "..") {
            if (way.size() > 1) way.pop_back();
            continue;
        }
        auto next = open_name(way.back().get(), name);
        if (!next && next.error().sys_errno == ENOENT)
            next = make_name(way.back().get(), name, file && names.empty());
        if (!next) return next;
        struct stat status{};
        if (::fstat(next->get(), &status) != 0) return fail_errno("stat " + name);
        if (!S_ISLNK(status.st_mode)) {
            way.push_back(std::move(*next));
            continue;
        }
        if (++links > kMostLinks) return fail_errno("open " + name, ELOOP);
        char target[PATH_MAX];
        ssize_t length = ::readlinkat(next->get(), "", target, sizeof target - 1);
        if (length < 0) return fail_errno("readlink " + name);
        target[length] = '\0';
        if (target[0] == '/') way.resize(1);
        put_in_front(names, target);
    }
    return std::move(way.back());
}

}  // namespace berth::executor
