#include "engine/sys/detach_keys.h"

namespace berth::sys {

namespace {

// '\0' is ctrl-@, so -1 says "no key".
int key_byte(const std::string& key) {
    if (key.size() == 1) return static_cast<unsigned char>(key[0]);
    if (key.size() != 6 || !key.starts_with("ctrl-")) return -1;
    char c = key[5];
    if (c >= 'a' && c <= 'z') return c - 'a' + 1;
    switch (c) {
        case '@':
            return 0;
        case '[':
            return 27;
        case '\\':
            return 28;
        case ']':
            return 29;
        case '^':
            return 30;
        case '_':
            return 31;
        default:
            return -1;
    }
}

}  // namespace

Result<std::string> parse_detach_keys(const std::string& keys) {
    std::string bytes, key;
    const std::string text = (keys.empty() ? "ctrl-p,ctrl-q" : keys) + ",";
    for (char c : text) {
        if (c != ',') {
            key += c;
            continue;
        }
        int byte = key_byte(key);
        if (byte < 0) return fail(ErrorKind::kInvalidArgument, "Invalid detach keys (" + keys + ") provided");
        bytes += static_cast<char>(byte);
        key.clear();
    }
    return bytes;
}

std::string DetachFilter::pass(std::string_view typed) {
    std::string out;
    for (char c : typed) {
        if (detached()) break;
        if (!keys_.empty() && c == keys_[matched_]) {
            ++matched_;
            continue;
        }
        out.append(keys_, 0, matched_);
        matched_ = !keys_.empty() && c == keys_[0] ? 1 : 0;
        if (matched_ == 0) out += c;
    }
    return out;
}

}  // namespace berth::sys
