#include "engine/api/json_body.h"

#include <fmt/format.h>
#include <strings.h>

#include <nlohmann/json.hpp>

namespace berth::api {

namespace {

// Deeper nesting than any client has use for is refused before a recursive reader meets it.
constexpr int kMaxDepth = 1000;

// Walks a text the way Go's scanner does, to find the words it would use for the first thing that is wrong.
class Scanner {
 public:
    explicit Scanner(std::string_view text) : text_(text) {}

    // "" if the text begins with a whole JSON value.
    std::string complaint() {
        value("looking for beginning of value", 0);
        return complaint_;
    }
    bool only_space_left() {
        skip_space();
        return at_ == text_.size();
    }

 private:
    bool good() const { return complaint_.empty(); }
    void skip_space() {
        while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
            ++at_;
    }
    void complain(std::string words) {
        if (good()) complaint_ = std::move(words);
    }
    // The present character, whole if it is more than a byte, as Go quotes it.
    std::string quoted() const {
        const auto c = static_cast<unsigned char>(text_[at_]);
        if (c == '\'') return "'\\''";
        if (c == '"') return "'\"'";
        if (c == '\\') return "'\\\\'";
        if (c == '\n') return "'\\n'";
        if (c == '\r') return "'\\r'";
        if (c == '\t') return "'\\t'";
        if (c < 0x20 || c == 0x7f) return fmt::format("'\\x{:02x}'", c);
        std::size_t size = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
        return fmt::format("'{}'", text_.substr(at_, size));
    }
    void unexpected(std::string_view context) {
        if (at_ >= text_.size()) return complain("unexpected EOF");
        complain(fmt::format("invalid character {} {}", quoted(), context));
    }
    bool take(char c) {
        if (at_ < text_.size() && text_[at_] == c) {
            ++at_;
            return true;
        }
        return false;
    }

    void literal(std::string_view word) {
        for (char c : word) {
            if (!take(c)) return unexpected(fmt::format("in literal {} (expecting '{}')", word, c));
        }
    }

    void string() {
        ++at_;
        while (good()) {
            if (at_ >= text_.size()) return complain("unexpected EOF");
            const char c = text_[at_];
            if (static_cast<unsigned char>(c) < 0x20) return unexpected("in string");
            ++at_;
            if (c == '"') return;
            if (c == '\\') escape();
        }
    }
    void escape() {
        if (at_ >= text_.size()) return complain("unexpected EOF");
        const char c = text_[at_++];
        if (c != 'u') {
            if (std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos) {
                complain(fmt::format("invalid escape sequence `\\{}` in string", c));
            }
            return;
        }
        for (int i = 0; i < 4; ++i) {
            if (at_ >= text_.size()) return complain("unexpected EOF");
            if (!std::isxdigit(static_cast<unsigned char>(text_[at_])))
                return unexpected("in \\u hexadecimal character escape");
            ++at_;
        }
    }

    void digits(std::string_view context) {
        if (at_ >= text_.size() || !std::isdigit(static_cast<unsigned char>(text_[at_])))
            return unexpected(context);
        while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_]))) ++at_;
    }
    void number() {
        take('-');
        if (!take('0')) digits("in numeric literal");
        if (good() && take('.')) digits("after decimal point in numeric literal");
        if (good() && (take('e') || take('E'))) {
            if (!take('+')) take('-');
            digits("in exponent of numeric literal");
        }
    }

    void object(int depth) {
        ++at_;
        skip_space();
        if (take('}')) return;
        while (good()) {
            skip_space();
            if (at_ >= text_.size() || text_[at_] != '"')
                return unexpected("looking for beginning of object key string");
            string();
            if (!good()) return;
            skip_space();
            if (!take(':')) return unexpected("after object key");
            value("looking for beginning of value", depth + 1);
            if (!good()) return;
            skip_space();
            if (take('}')) return;
            if (!take(',')) return unexpected("after object key:value pair");
        }
    }
    void array(int depth) {
        ++at_;
        skip_space();
        if (take(']')) return;
        while (good()) {
            value("looking for beginning of value", depth + 1);
            if (!good()) return;
            skip_space();
            if (take(']')) return;
            if (!take(',')) return unexpected("after array element");
        }
    }
    void value(std::string_view context, int depth) {
        if (depth > kMaxDepth) return complain("exceeded max depth");
        skip_space();
        if (at_ >= text_.size()) return complain("unexpected EOF");
        switch (const char c = text_[at_]) {
            case '{':
                return object(depth);
            case '[':
                return array(depth);
            case '"':
                return string();
            case 't':
                return literal("true");
            case 'f':
                return literal("false");
            case 'n':
                return literal("null");
            default:
                if (c == '-' || std::isdigit(static_cast<unsigned char>(c))) return number();
                unexpected(context);
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::string complaint_;
};

Failure invalid(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

}  // namespace

Result<nlohmann::json> parse_json(std::string_view text) {
    Scanner scanner(text);
    if (auto complaint = scanner.complaint(); !complaint.empty()) {
        const bool nothing = text.find_first_not_of(" \t\r\n") == std::string_view::npos;
        if (nothing) return invalid("invalid JSON: got EOF while reading request body");
        return invalid("invalid JSON: " + complaint);
    }
    if (!scanner.only_space_left()) return invalid("unexpected content after JSON");
    auto out = nlohmann::json::parse(text, nullptr, false);
    // The scanner leaves one thing to the parser: bytes that are not UTF-8.
    if (out.is_discarded()) return invalid("invalid JSON: invalid UTF-8");
    return out;
}

Result<> check_content_type(std::string_view header) {
    auto type = header.substr(0, header.find(';'));
    while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
    if (type.empty())
        return invalid(fmt::format("malformed Content-Type header ({}): mime: no media type", header));
    constexpr std::string_view kJson = "application/json";
    if (type.size() == kJson.size() && ::strncasecmp(type.data(), kJson.data(), kJson.size()) == 0) return {};
    return invalid(fmt::format("unsupported Content-Type header ({}): must be 'application/json'", type));
}

}  // namespace berth::api
