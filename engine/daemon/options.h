#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "engine/daemon/config.h"

namespace berth::daemon {

// A setting whose flag and key are not simply one value.
struct Special {
    Result<> (*from_text)(Config& config, const std::string& text);
    Result<> (*from_json)(Config& config, const nlohmann::json& value);
    std::string (*text)(const Config& config);
};

// A value as the flag gives it, checked and brought into its usual form.
using Check = Result<std::string> (*)(const std::string& text);

// A setting: flag, short flag (or 0), key in daemon.json ("": flag only), where it goes, the word for its
// value in --help, one line of help ("": not shown).
struct Option {
    std::string_view flag;
    char letter;
    std::string_view key;
    std::variant<bool Config::*, std::optional<bool> Config::*, int Config::*, std::int64_t Config::*,
                 std::string Config::*, std::string Proxies::*, Strings Config::*, StringMap Config::*,
                 const Special*>
        target;
    std::string_view kind;
    std::string_view help;
    Check check = nullptr;

    bool is_switch() const {
        return std::holds_alternative<bool Config::*>(target) ||
               std::holds_alternative<std::optional<bool> Config::*>(target);
    }
};

std::span<const Option> options();

// Sets one option from text, as a flag gives it. Error texts are those of dockerd's flag library.
Result<> set_option(Config& config, const Option& option, const std::string& text);
// Sets one option from its value in daemon.json; null, 0 and "" leave the default. The value is only held
// against its type: `check` is for validate(). Error texts are those of Go's JSON library.
Result<> set_option(Config& config, const Option& option, const nlohmann::json& value);
// The present value, as dockerd's flag library prints it.
std::string option_text(const Config& config, const Option& option);

}  // namespace berth::daemon
