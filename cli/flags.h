#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace berth::cli {

// A command's options by pflag's rules, which docker's users type: "-it", "-p80:80", "-p=80:80", "--name x",
// "--name=x", "--rm=false", "--". CLI11 knows neither joined shorthands with values nor docker's error texts.
class Flags {
 public:
    enum class Order {
        kInterspersed,  // options may follow positional arguments
        kFirst,  // the first positional argument ends the options (run, exec: the rest is the container's)
    };

    // `usage` is what follows the program's name: "run [OPTIONS] IMAGE [COMMAND] [ARG...]".
    Flags(std::string usage, std::string summary, Order order = Order::kInterspersed);

    // `name` is "long" or "long,s". `type` is the word shown in the help; the targets must outlive parse().
    void text(std::string name, std::string* target, std::string type, std::string help);
    void list(std::string name, std::vector<std::string>* target, std::string help);
    void toggle(std::string name, bool* target, std::string help);
    void number(std::string name, std::int64_t* target, std::string help);
    // Accepts the option for compatibility with docker's command line where it changes nothing here.
    void custom(std::string name, std::string type, std::string help,
                std::function<Result<>(std::string_view)> take);

    // The positional arguments. Errors: "unknown flag: --x", "flag needs an argument: 'n' in -n", ….
    Result<std::vector<std::string>> parse(const std::vector<std::string>& arguments);

    bool changed(std::string_view name) const;
    bool help_wanted() const { return help_; }
    std::string help(std::string_view program) const;
    const std::string& usage() const { return usage_; }

 private:
    struct Flag {
        std::string name;
        char shorthand = 0;
        std::string type, help;
        bool is_toggle = false;
        bool changed = false;
        std::function<Result<>(std::string_view)> take;
    };

    void add(std::string name, std::string type, std::string help, bool is_toggle,
             std::function<Result<>(std::string_view)> take);
    Flag* find(std::string_view name);
    Flag* find(char shorthand);
    Result<> set(Flag& flag, std::string_view value, const std::string& shown);
    Result<> parse_long(const std::vector<std::string>& arguments, std::size_t& at);
    Result<> parse_short(const std::vector<std::string>& arguments, std::size_t& at);

    std::string usage_, summary_;
    Order order_;
    bool help_ = false;
    std::vector<Flag> flags_;
};

}  // namespace berth::cli
