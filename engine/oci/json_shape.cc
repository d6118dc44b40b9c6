#include "engine/oci/json_shape.h"

#include <cstddef>

namespace berth::oci {

namespace {
constexpr std::size_t kMostValues = 1 << 16;
constexpr std::size_t kDeepest = 64;
}  // namespace

Result<> check_json_shape(std::string_view text) {
    std::size_t values = 1, depth = 0;
    bool quoted = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (quoted) {
            if (c == '\\') ++at;
            quoted = c != '"';
            continue;
        }
        quoted = c == '"';
        const bool opens = c == '[' || c == '{', closes = c == ']' || c == '}';
        if (opens) ++depth;
        if (closes && depth > 0) --depth;
        if (opens || c == ',') ++values;
        if (depth > kDeepest) return fail(ErrorKind::kInvalidArgument, "the document is nested too deeply");
        if (values > kMostValues)
            return fail(ErrorKind::kInvalidArgument, "the document has too many values");
    }
    return {};
}

}  // namespace berth::oci
