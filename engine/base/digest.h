#pragma once

#include <compare>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace berth {

// A content digest, "sha256:" and 64 lower-case hex digits. Any other text is refused when parsed, so a
// Digest is always safe as a file name.
class Digest {
 public:
    static Result<Digest> parse(std::string_view text);
    static Digest from_hex(std::string hex);  // the caller vouches for 64 hex digits

    // "sha256:…" and the digits alone.
    const std::string& text() const { return text_; }
    std::string_view hex() const { return std::string_view(text_).substr(7); }

    auto operator<=>(const Digest&) const = default;

 private:
    explicit Digest(std::string text) : text_(std::move(text)) {}
    std::string text_;
};

// SHA-256 of bytes as they come.
class Sha256 {
 public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;

    void update(std::string_view bytes);
    // Ends the computation; the object may not be used again.
    Digest finish();

 private:
    struct Context;
    std::unique_ptr<Context> context_;
};

Digest sha256(std::string_view bytes);

}  // namespace berth

template <>
struct std::hash<berth::Digest> {
    std::size_t operator()(const berth::Digest& digest) const {
        return std::hash<std::string>()(digest.text());
    }
};
