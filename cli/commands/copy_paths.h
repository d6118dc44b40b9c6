#pragma once

#include <optional>
#include <string>
#include <utility>

#include "engine/base/result.h"

namespace berth::cli {

// "NAME:PATH"; the first is empty for a local path ("./a:b" and "/a:b" are).
std::pair<std::string, std::string> split_copy_argument(const std::string& text);

// The folder and the last part of a path: "/a/b" is "/a" and "b", "/a/b/." is "/a/b" and ".", "/" is "/" and
// "/".
std::pair<std::string, std::string> split_path(const std::string& path);

// What is known of one end of a copy.
struct CopyEnd {
    std::string path;
    bool exists = false;
    bool is_folder = false;
};
// Where an archive of `source` is unpacked, and what its first part is called there ("" leaves the name).
struct CopyPlan {
    std::string folder, name;
};
// Docker's rules: into a folder that is there, or as the name that the target says. Its texts: "cannot copy
// directory", "no such directory".
Result<CopyPlan> plan_copy(const CopyEnd& source, const CopyEnd& target);

}  // namespace berth::cli
