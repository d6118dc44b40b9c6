#include "cli/commands/variables.h"

#include <algorithm>
#include <cstdlib>

#include "engine/base/files.h"

namespace berth::cli {

Result<std::vector<std::string>> lines_of(const std::string& path) {
    BERTH_TRY(std::string text, read_file(path));
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        auto end = std::min(text.find('\n', at), text.size());
        std::string line = text.substr(at, end - at);
        at = end + 1;
        if (!line.empty() && line.back() == '\r') line.pop_back();
        auto start = line.find_first_not_of(" \t");
        if (start != std::string::npos && line[start] != '#') lines.push_back(line.substr(start));
    }
    return lines;
}

Result<std::vector<std::string>> environment_of(const std::vector<std::string>& files,
                                                const std::vector<std::string>& items) {
    std::vector<std::string> all, env;
    for (const std::string& path : files) {
        BERTH_TRY(auto lines, lines_of(path));
        all.insert(all.end(), lines.begin(), lines.end());
    }
    all.insert(all.end(), items.begin(), items.end());
    for (const std::string& item : all) {
        if (item.find('=') != std::string::npos) {
            env.push_back(item);
        } else if (const char* value = std::getenv(item.c_str()); value != nullptr) {
            env.push_back(item + "=" + value);
        }
    }
    return env;
}

}  // namespace berth::cli
