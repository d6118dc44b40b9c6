#pragma once

#include <span>
#include <string_view>
#include <variant>

#include "engine/daemon/config.h"

namespace berth::daemon {

// Known to dockerd, not to us yet.
struct Unsupported {
    bool takes_value = true;
};

// A setting: flag, short flag (or 0), key in daemon.json ("": flag only), where it goes, one line of help.
struct Option {
    std::string_view flag;
    char letter;
    std::string_view key;
    std::variant<bool Config::*, int Config::*, std::string Config::*, std::vector<std::string> Config::*,
                 Unsupported>
        target;
    std::string_view help;

    bool is_flag_only_bool() const {
        if (const auto* unsupported = std::get_if<Unsupported>(&target)) return !unsupported->takes_value;
        return std::holds_alternative<bool Config::*>(target);
    }
};

std::span<const Option> options();

// Sets one option from text, as a flag gives it. Error texts are those of dockerd's flag library.
Result<> set_option(Config& config, const Option& option, const std::string& text);
// The present value, for messages.
std::string option_text(const Config& config, const Option& option);

}  // namespace berth::daemon
