#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/client/engine.h"
#include "cli/flags.h"

namespace berth::cli {

using Arguments = std::vector<std::string>;

// What a command runs in.
class Invocation {
 public:
    Invocation(std::string program, Settings settings)
        : program_(std::move(program)), settings_(std::move(settings)) {}

    const std::string& program() const { return program_; }
    const Settings& settings() const { return settings_; }
    // Opened at the first use: help needs no engine.
    Result<Engine*> engine();

    // Parses, answers --help (exit status in `status`), and checks the number of positional arguments with
    // docker's texts. false: the command is over, with `status`.
    bool parse(Flags& flags, const Arguments& arguments, std::size_t least, std::size_t most,
               Arguments& positional, int& status) const;
    // Prints the error as docker does and returns `status`.
    int failed(const Error& error, int status = 1) const;

 private:
    std::string program_;
    Settings settings_;
    std::unique_ptr<Engine> engine_;
};

inline constexpr std::size_t kAny = static_cast<std::size_t>(-1);

struct Command {
    std::string_view name;  // "run", "volume ls"
    std::string_view summary;
    int (*run)(Invocation& invocation, const Arguments& arguments);
};

// Every command, by name; `docker container X` and `docker image X` are rows of their own.
std::span<const Command> commands();

void print(std::string_view text);  // stdout
void warn(std::string_view text);   // stderr

// Runs `act` for each name, printing the name when it worked; 1 if any failed, each with its error.
int for_each_name(Invocation& invocation, const Arguments& names,
                  const std::function<Result<>(Engine& engine, const std::string& name)>& act,
                  bool echo = true);

// The rows of a listing by --format: "" or "table" is `otherwise`, "json" one object a line, else a Go
// template a row.
int print_rows(Invocation& invocation, const std::vector<Json>& rows, const std::string& format,
               const std::function<std::string()>& otherwise);

// "k=v" options as the engine's filters parameter, URL-encoded JSON; "" for none.
Result<std::string> encode_filters(const std::vector<std::string>& filters);

// --since and --until: RFC 3339, seconds, or a duration back from now, as the seconds that the engine takes.
Result<std::string> moment_of(const std::string& text);

}  // namespace berth::cli
