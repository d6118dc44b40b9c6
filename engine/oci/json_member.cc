#include "engine/oci/json_member.h"

#include <algorithm>

namespace berth::oci {

namespace {

class Scanner {
 public:
    explicit Scanner(std::string_view text) : text_(text) {}

    std::size_t at() const { return at_; }
    // Over white space; the next character, or NUL at the end.
    char peek() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
            ++at_;
        return at_ < text_.size() ? text_[at_] : '\0';
    }
    bool take(char wanted) {
        if (peek() != wanted || wanted == '\0') return false;
        ++at_;
        return true;
    }
    // What lies between the quotes, escapes and all.
    std::optional<std::string_view> string() {
        if (!take('"')) return {};
        std::size_t begin = at_;
        while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
        if (at_ >= text_.size()) return {};
        return text_.substr(begin, at_++ - begin);
    }
    bool skip_value() {
        std::size_t depth = 0;
        do {
            char next = peek();
            if (next == '\0') return false;
            if (next == '"') {
                if (!string()) return false;
            } else if (next == '{' || next == '[') {
                ++depth, ++at_;
            } else if (next == '}' || next == ']') {
                if (depth == 0) return false;
                --depth, ++at_;
            } else if (next == ',' || next == ':') {
                if (depth == 0) return false;
                ++at_;
            } else {
                at_ = std::min(text_.find_first_of(" \t\r\n,:]}\"", at_), text_.size());
            }
        } while (depth > 0);
        return true;
    }

 private:
    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

std::optional<JsonPart> find_json_member(std::string_view json, std::string_view name) {
    Scanner scanner(json);
    std::optional<JsonPart> found;
    if (!scanner.take('{')) return {};
    do {
        auto key = scanner.string();
        if (!key || key->find('\\') != key->npos || !scanner.take(':')) return {};
        scanner.peek();
        JsonPart part{scanner.at(), 0};
        if (!scanner.skip_value()) return {};
        part.end = scanner.at();
        if (*key != name) continue;
        if (found) return {};
        found = part;
    } while (scanner.take(','));
    return scanner.take('}') ? found : std::nullopt;
}

}  // namespace berth::oci
