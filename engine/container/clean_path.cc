#include "engine/container/clean_path.h"

#include <string_view>
#include <vector>

namespace berth::container {

std::string clean_path(const std::string& path) {
    std::vector<std::string_view> kept;
    for (std::string_view rest = path; !rest.empty();) {
        std::string_view part = rest.substr(0, rest.find('/'));
        rest.remove_prefix(std::min(rest.size(), part.size() + 1));
        if (part.empty() || part == ".") continue;
        if (part != "..")
            kept.push_back(part);
        else if (!kept.empty())
            kept.pop_back();
    }
    std::string out;
    for (std::string_view part : kept) out.append("/").append(part);
    return out.empty() ? "/" : out;
}

}  // namespace berth::container
