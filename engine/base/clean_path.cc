#include "engine/base/clean_path.h"

#include <algorithm>
#include <vector>

namespace berth {

std::string clean_path(std::string_view path) {
    std::vector<std::string_view> kept;
    while (!path.empty()) {
        std::string_view part = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(path.size(), part.size() + 1));
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

}  // namespace berth
