#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::logs {

// JSON as a log's records have it: one flat object in one line, written and read without a tree.

// As Go writes a text, without its quotes: <, > and & escaped too, what is no UTF-8 as \ufffd.
void append_escaped(std::string& out, std::string_view text);

bool is_utf8(std::string_view text);

// Walks one flat JSON object; nested values are skipped. What begins with take_ is false if the next thing is
// something else, or the text ends.
class JsonScanner {
 public:
    explicit JsonScanner(std::string_view text) : rest_(text) {}

    bool take(char c) {
        skip_space();
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    // What stands there byte for byte.
    bool take_exactly(std::string_view text) {
        if (!rest_.starts_with(text)) return false;
        rest_.remove_prefix(text.size());
        return true;
    }
    // Appends.
    bool take_string(std::string& out);
    // A text as it stands there, where it has no escapes; else as `unescaped`, which is overwritten.
    bool take_view(std::string_view& out, std::string& unescaped);
    // A flat object of texts; anything else is passed over.
    bool take_attributes(std::vector<std::pair<std::string, std::string>>& out);
    bool skip_value();

 private:
    bool take_texts(std::vector<std::pair<std::string, std::string>>& out);
    void skip_space() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
    }
    bool take_hex(std::uint32_t& value);
    bool take_escape(std::string& out);

    std::string_view rest_;
};

}  // namespace berth::logs
