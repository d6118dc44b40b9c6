#include "registry/credentials.h"

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace berth::registry {

namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string encode_base64(std::string_view bytes) {
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        for (std::size_t k = 0; k < 4; ++k)
            out += i + k <= bytes.size() ? kAlphabet[group >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

// Both alphabets; "" for what is no base64.
std::string decode_base64(std::string_view text) {
    while (text.ends_with('=')) text.remove_suffix(1);
    std::string out;
    std::uint32_t bits = 0;
    int held = 0;
    for (char c : text) {
        if (c == '-') c = '+';
        if (c == '_') c = '/';
        const auto value = kAlphabet.find(c);
        if (value == kAlphabet.npos) return {};
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        out += static_cast<char>(bits >> held & 255);
    }
    return out;
}

}  // namespace

Credentials parse_registry_auth(std::string_view header) {
    const auto json = nlohmann::json::parse(decode_base64(header), nullptr, false);
    if (!json.is_object()) return {};
    auto text = [&](const char* name) {
        const auto found = json.find(name);
        return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    return {text("username"), text("password"), text("registrytoken"), text("identitytoken")};
}

std::string basic_authorization(const Credentials& credentials) {
    return "Basic " + encode_base64(credentials.username + ":" + credentials.password);
}

}  // namespace berth::registry
