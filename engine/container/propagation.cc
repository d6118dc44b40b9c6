#include "engine/container/propagation.h"

#include <cstdlib>
#include <memory>
#include <sstream>

#include "engine/base/files.h"

namespace berth::container {

namespace {

// mountinfo writes blanks and backslashes as octal: "\040".
std::string unescape(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            out += static_cast<char>(std::strtol(text.substr(i + 1, 3).c_str(), nullptr, 8));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

struct HostMount {
    std::string point;
    bool shared = false, slave = false;
};

// "36 35 98:0 /root /point rw,noatime shared:1 master:2 - ext4 /dev/root rw"; nothing if it is no such line.
bool parse_line(const std::string& line, HostMount& out) {
    std::istringstream words(line);
    std::string word;
    for (int i = 0; i < 5 && words >> word; ++i) {
    }
    out.point = unescape(word);
    words >> word;
    while (words >> word && word != "-") {
        if (word.starts_with("shared:")) out.shared = true;
        if (word.starts_with("master:")) out.slave = true;
    }
    return word == "-";
}

// The mount that `path` lies on: the last one with the longest mount point.
Result<HostMount> mount_of(const std::string& path) {
    std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), std::free);
    if (!real) return fail_errno("resolve " + path);
    const std::string where = real.get();
    BERTH_TRY(auto table, read_file("/proc/self/mountinfo"));
    std::istringstream lines(table);
    HostMount best, one;
    for (std::string line; std::getline(lines, line); one = {}) {
        if (!parse_line(line, one) || one.point.size() < best.point.size()) continue;
        bool covers = one.point == "/" || where == one.point || where.starts_with(one.point + "/");
        if (covers) best = one;
    }
    return best;
}

}  // namespace

Result<> check_propagation(MountPoint& mount, const std::string& data_root) {
    bool shared = mount.propagation.ends_with("shared");
    if (!shared && !mount.propagation.ends_with("slave")) return {};
    BERTH_TRY(const HostMount host, mount_of(mount.source));
    if (host.shared || (host.slave && !shared)) return {};
    bool ours = mount.source.starts_with(data_root) || data_root.starts_with(mount.source);
    if (!shared && ours && !mount.own_propagation) {
        mount.propagation = "rprivate";
        return {};
    }
    return fail(ErrorKind::kInternal, "path " + mount.source + " is mounted on " + host.point +
                                          " but it is not a shared " + (shared ? "mount" : "or slave mount"));
}

}  // namespace berth::container
