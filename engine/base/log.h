#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>

// The process's log, on stderr, in dockerd's two formats:
//   time="2026-11-21T01:20:00.123456789Z" level=info msg="container started" container=4f66…
//   {"container":"4f66…","level":"info","msg":"container started","time":"2026-11-21T01:20:00.123456789Z"}
// One write(2) a line; safe from any thread. Messages are lower case; values go into fields.
namespace berth::log {

enum class Level { kDebug, kInfo, kWarning, kError, kFatal };
enum class Format { kText, kJson };

struct Field {
    std::string_view key;
    std::string value;

    template <class T>
    Field(std::string_view key, const T& value) : key(key), value(fmt::to_string(value)) {}
};
using Fields = std::initializer_list<Field>;

// Called before other threads start, and again at a configuration reload.
void configure(Level level, Format format);
// debug|info|warn|error|fatal; false if `name` is none of them.
bool parse_level(std::string_view name, Level& level);
bool enabled(Level level);

void write(Level level, std::string_view message, Fields fields = {});

inline void debug(std::string_view message, Fields fields = {}) {
    if (enabled(Level::kDebug)) write(Level::kDebug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) {
    write(Level::kInfo, message, fields);
}
inline void warning(std::string_view message, Fields fields = {}) {
    write(Level::kWarning, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) {
    write(Level::kError, message, fields);
}

}  // namespace berth::log
