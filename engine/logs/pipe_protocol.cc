#include "engine/logs/pipe_protocol.h"

#include <cstdint>
#include <cstring>

namespace berth::logs {

namespace {

constexpr std::size_t kFrameHead = 10;  // stream, partial, time

void put(std::string& out, const void* value, std::size_t size) {
    out.append(static_cast<const char*>(value), size);
}

void put_size(std::string& out, std::size_t size) {
    const auto value = static_cast<std::uint32_t>(size);
    put(out, &value, sizeof value);
}

void put_text(std::string& out, std::string_view text) {
    put_size(out, text.size());
    out += text;
}

void put_options(std::string& out, const Options& options) {
    put_size(out, options.size());
    for (const auto& [key, value] : options) {
        put_text(out, key);
        put_text(out, value);
    }
}

std::uint32_t take_size(std::string_view& bytes) {
    std::uint32_t size = 0;
    if (bytes.size() < sizeof size) return 0;
    std::memcpy(&size, bytes.data(), sizeof size);
    bytes.remove_prefix(sizeof size);
    return size;
}

std::string take_text(std::string_view& bytes) {
    const std::size_t size = take_size(bytes);
    std::string out(bytes.substr(0, size));
    bytes.remove_prefix(out.size());
    return out;
}

Options take_options(std::string_view& bytes) {
    Options out;
    for (std::uint32_t left = take_size(bytes); left > 0 && !bytes.empty(); --left) {
        std::string key = take_text(bytes);
        out[std::move(key)] = take_text(bytes);
    }
    return out;
}

// What follows a size, if all of it is there.
std::optional<std::string_view> take_sized(std::string_view& bytes) {
    std::string_view rest = bytes;
    if (rest.size() < sizeof(std::uint32_t)) return {};
    const std::size_t size = take_size(rest);
    if (rest.size() < size) return {};
    bytes = rest.substr(size);
    return rest.substr(0, size);
}

}  // namespace

std::string encode_plan(const LogPlan& plan) {
    std::string body;
    for (const std::string* text : {&plan.driver, &plan.path, &plan.tag}) put_text(body, *text);
    put_options(body, plan.options);
    put_options(body, plan.attributes);
    std::string out;
    put_text(out, body);
    return out;
}

std::optional<LogPlan> take_plan(std::string_view& bytes) {
    auto body = take_sized(bytes);
    if (!body) return {};
    LogPlan plan;
    for (std::string* text : {&plan.driver, &plan.path, &plan.tag}) *text = take_text(*body);
    plan.options = take_options(*body);
    plan.attributes = take_options(*body);
    return plan;
}

void append_frame(std::string& out, Stream stream, Timestamp time, std::string_view line, bool partial) {
    const std::int64_t nanoseconds = time.time_since_epoch().count();
    put_size(out, kFrameHead + line.size());
    out += static_cast<char>(stream);
    out += static_cast<char>(partial ? 1 : 0);
    put(out, &nanoseconds, sizeof nanoseconds);
    out += line;
}

std::optional<Frame> take_frame(std::string_view& bytes) {
    auto body = take_sized(bytes);
    if (!body || body->size() < kFrameHead) return {};
    Frame frame;
    std::int64_t nanoseconds = 0;
    std::memcpy(&nanoseconds, body->data() + 2, sizeof nanoseconds);
    frame.stream = (*body)[0] == 2 ? Stream::kStderr : Stream::kStdout;
    frame.partial = (*body)[1] != 0;
    frame.time = Timestamp(std::chrono::nanoseconds(nanoseconds));
    frame.line = body->substr(kFrameHead);
    return frame;
}

}  // namespace berth::logs
