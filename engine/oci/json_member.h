#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace berth::oci {

// Where in the text of a JSON document the value of a member of its topmost object lies.
struct JsonPart {
    std::size_t begin = 0, end = 0;
};
// A quick look without a tree, for documents whose bytes were met before. Nothing if it is not there, or is
// not plain: given twice, a name with escapes beside it, no JSON so far as one can see. What is found is a
// whole value only if the document is JSON.
std::optional<JsonPart> find_json_member(std::string_view json, std::string_view name);

}  // namespace berth::oci
