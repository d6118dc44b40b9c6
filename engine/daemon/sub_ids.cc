#include "engine/daemon/sub_ids.h"

#include <algorithm>
#include <charconv>

#include "engine/base/files.h"

namespace berth::daemon {

namespace {

constexpr std::uint32_t kFirst = 100000;
constexpr std::uint32_t kLast = 4294967294U;  // the one above means "no id"

bool number(std::string_view text, std::uint32_t& value) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

std::string_view trimmed(std::string_view line) {
    constexpr std::string_view kSpace = " \t\r";
    const auto first = line.find_first_not_of(kSpace);
    if (first == line.npos) return {};
    return line.substr(first, line.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

Result<std::vector<SubIds>> parse_sub_ids(std::string_view text) {
    std::vector<SubIds> out;
    while (!text.empty()) {
        const std::string_view line = trimmed(text.substr(0, text.find('\n')));
        text.remove_prefix(
            std::min(text.size(), text.find('\n') == text.npos ? text.size() : text.find('\n') + 1));
        if (line.empty() || line.front() == '#') continue;
        const auto one = line.find(':'), two = line.find(':', one == line.npos ? one : one + 1);
        SubIds ids;
        const bool good = two != line.npos && number(line.substr(one + 1, two - one - 1), ids.first) &&
                          number(line.substr(two + 1), ids.count) && ids.count > 0 && ids.count <= kLast &&
                          ids.first <= kLast - ids.count;
        if (!good) return fail(ErrorKind::kInvalidArgument, "malformed line \"" + std::string(line) + "\"");
        ids.user = line.substr(0, one);
        out.push_back(std::move(ids));
    }
    return out;
}

Result<std::vector<SubIds>> read_sub_ids(const std::string& path, const std::string& name, uid_t uid) {
    auto text = read_file(path, 1 << 20);
    if (!text && text.error().kind == ErrorKind::kNotFound) return std::vector<SubIds>();
    if (!text) return Failure(std::move(text.error()));
    BERTH_TRY(auto all, in(path, parse_sub_ids(*text)));
    const std::string by_number = std::to_string(uid);
    std::erase_if(all, [&](const SubIds& ids) { return ids.user != name && ids.user != by_number; });
    return all;
}

std::uint32_t next_sub_ids(std::vector<SubIds> taken, std::uint32_t count) {
    std::sort(taken.begin(), taken.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::uint32_t first = kFirst;
    for (const SubIds& ids : taken)
        if (first < ids.first + ids.count && ids.first < first + count) first = ids.first + ids.count;
    return first;
}

}  // namespace berth::daemon
