#include "cli/commands/copy_paths.h"

namespace berth::cli {

std::pair<std::string, std::string> split_copy_argument(const std::string& text) {
    auto colon = text.find(':');
    if (text.starts_with('/') || text.starts_with('.') || colon == text.npos) return {"", text};
    return {text.substr(0, colon), text.substr(colon + 1)};
}

std::pair<std::string, std::string> split_path(const std::string& path) {
    std::string clean = path;
    bool dot = clean == "." || clean.ends_with("/.");
    while (clean.size() > 1 && clean.ends_with('/')) clean.pop_back();
    if (dot) return {clean.size() > 2 ? clean.substr(0, clean.size() - 2) : clean == "/." ? "/" : ".", "."};
    auto slash = clean.rfind('/');
    if (slash == clean.npos) return {".", clean};
    if (clean == "/") return {"/", "/"};
    return {slash == 0 ? "/" : clean.substr(0, slash), clean.substr(slash + 1)};
}

Result<CopyPlan> plan_copy(const CopyEnd& source, const CopyEnd& target) {
    if (target.exists && target.is_folder) return CopyPlan{target.path, ""};
    auto [folder, name] = split_path(target.path);
    if (source.is_folder && target.exists) return fail(ErrorKind::kInvalidArgument, "cannot copy directory");
    bool says_folder = target.path.ends_with('/') || name == ".";
    if (!source.is_folder && !target.exists && says_folder)
        return fail(ErrorKind::kInvalidArgument, "no such directory");
    return CopyPlan{folder, name};
}

}  // namespace berth::cli
