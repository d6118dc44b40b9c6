#include "engine/shim/protocol/messages.h"

#include "engine/shim/protocol/wire.h"

namespace berth::shim {

namespace {

constexpr std::size_t kLengthSize = 4, kHeadSize = 6;

// The numbers on the wire, apart from the enum's order.
constexpr ErrorKind kKinds[] = {
    ErrorKind::kInternal,         ErrorKind::kInvalidArgument, ErrorKind::kNotFound,
    ErrorKind::kConflict,         ErrorKind::kNotImplemented,  ErrorKind::kUnavailable,
    ErrorKind::kDeadlineExceeded, ErrorKind::kCancelled,       ErrorKind::kDataLoss,
    ErrorKind::kForbidden,        ErrorKind::kUnauthorized};

void put_exit(WireWriter& out, const ExitRecord& exit) {
    out.u32(static_cast<std::uint32_t>(exit.code));
    out.u8(exit.oom_killed ? 1 : 0);
    out.i64(exit.exited_at);
    out.text(exit.error);
}

ExitRecord take_exit(WireReader& in) {
    ExitRecord exit;
    exit.code = static_cast<int>(in.u32());
    exit.oom_killed = in.u8() != 0;
    exit.exited_at = in.i64();
    exit.error = in.text();
    return exit;
}

void put_exec_exit(WireWriter& out, const ExecExit& exit) {
    out.text(exit.id);
    out.u32(static_cast<std::uint32_t>(exit.code));
    out.i64(exit.exited_at);
}

ExecExit take_exec_exit(WireReader& in) {
    ExecExit exit;
    exit.id = in.text();
    exit.code = static_cast<int>(in.u32());
    exit.exited_at = in.i64();
    return exit;
}

void put_execs(WireWriter& out, const Status& status) {
    out.u32(static_cast<std::uint32_t>(status.execs.size()));
    for (const auto& id : status.execs) out.text(id);
    out.u32(static_cast<std::uint32_t>(status.ended_execs.size()));
    for (const auto& exit : status.ended_execs) put_exec_exit(out, exit);
}

void take_execs(WireReader& in, Status& status) {
    // What is not there reads as zero, so a count that lies ends with the bytes.
    for (std::uint32_t left = in.u32(); left > 0 && in.ok(); --left) status.execs.push_back(in.text());
    for (std::uint32_t left = in.u32(); left > 0 && in.ok(); --left)
        status.ended_execs.push_back(take_exec_exit(in));
}

Failure garbled(const char* what) {
    return fail(ErrorKind::kDataLoss, std::string("shim protocol: bad ") + what);
}

}  // namespace

std::string encode_frame(MessageType type, std::uint32_t tag, std::string_view payload) {
    WireWriter out;
    out.u32(static_cast<std::uint32_t>(kHeadSize + payload.size()));
    out.u16(static_cast<std::uint16_t>(type));
    out.u32(tag);
    return out.take().append(payload);
}

Result<std::optional<Frame>> FrameBuffer::next() {
    if (bytes_.size() < kLengthSize) return std::optional<Frame>();
    std::size_t length = WireReader(bytes_).u32();
    if (length < kHeadSize || length > kMaxFrame) return garbled("frame length");
    if (bytes_.size() < kLengthSize + length) return std::optional<Frame>();
    WireReader head(std::string_view(bytes_).substr(kLengthSize, kHeadSize));
    Frame frame;
    frame.type = static_cast<MessageType>(head.u16());
    frame.tag = head.u32();
    frame.payload = bytes_.substr(kLengthSize + kHeadSize, length - kHeadSize);
    bytes_.erase(0, kLengthSize + length);
    return std::optional<Frame>(std::move(frame));
}

std::string encode_hello(const Status* status) {
    WireWriter out;
    out.u32(kMagic);
    out.u16(kVersion);
    if (status == nullptr) return out.take();
    out.u8(static_cast<std::uint8_t>(status->state));
    out.u32(static_cast<std::uint32_t>(status->pid));
    out.i64(status->started_at);
    out.u8(status->exit ? 1 : 0);
    if (status->exit) put_exit(out, *status->exit);
    out.u8(status->health ? 1 : 0);
    if (status->health) put_health(out, *status->health);
    put_execs(out, *status);
    return out.take();
}

Result<std::optional<Status>> decode_hello(std::string_view payload) {
    WireReader in(payload);
    if (in.u32() != kMagic) return garbled("magic");
    std::uint16_t version = in.u16();
    if (version < 1) return fail(ErrorKind::kNotImplemented, "shim protocol: unknown version");
    if (in.empty()) return std::optional<Status>();
    Status status;
    status.state = static_cast<TaskState>(in.u8());
    status.pid = static_cast<pid_t>(in.u32());
    status.started_at = in.i64();
    if (in.u8() != 0) status.exit = take_exit(in);
    // Older shims end here.
    if (!in.empty() && in.u8() != 0) status.health = take_health(in);
    if (!in.empty()) take_execs(in, status);
    if (!in.ok()) return garbled("hello");
    return std::optional<Status>(std::move(status));
}

std::string encode_failure(const Error& error) {
    WireWriter out;
    std::uint8_t number = 0;
    for (std::uint8_t i = 0; i < std::size(kKinds); ++i) {
        if (kKinds[i] == error.kind) number = i;
    }
    out.u8(number);
    out.u32(static_cast<std::uint32_t>(error.sys_errno));
    out.text(error.message);
    return out.take();
}

Error decode_failure(std::string_view payload) {
    WireReader in(payload);
    Error error;
    std::uint8_t number = in.u8();
    if (number < std::size(kKinds)) error.kind = kKinds[number];
    error.sys_errno = static_cast<int>(in.u32());
    error.message = in.text();
    return error;
}

std::string encode_health(const Health& health) {
    WireWriter out;
    put_health(out, health);
    return out.take();
}

Result<Health> decode_health(std::string_view payload) {
    WireReader in(payload);
    Health health = take_health(in);
    if (!in.ok()) return garbled("health");
    return health;
}

std::string encode_exit(const ExitRecord& exit) {
    WireWriter out;
    put_exit(out, exit);
    return out.take();
}

Result<ExitRecord> decode_exit(std::string_view payload) {
    WireReader in(payload);
    ExitRecord exit = take_exit(in);
    if (!in.ok()) return garbled("exit");
    return exit;
}

std::string encode_exec(const ExecRequest& request) {
    WireWriter out;
    out.text(request.id);
    out.text(request.process);
    out.u8(request.terminal ? 1 : 0);
    out.u8(request.streams);
    out.u16(request.rows);
    out.u16(request.columns);
    return out.take();
}

Result<ExecRequest> decode_exec(std::string_view payload) {
    WireReader in(payload);
    ExecRequest request;
    request.id = in.text();
    request.process = in.text();
    request.terminal = in.u8() != 0;
    request.streams = in.u8();
    request.rows = in.u16();
    request.columns = in.u16();
    bool hex = !request.id.empty() && request.id.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!in.ok() || !hex) return garbled("exec");
    return request;
}

std::string encode_exec_exit(const ExecExit& exit) {
    WireWriter out;
    put_exec_exit(out, exit);
    return out.take();
}

Result<ExecExit> decode_exec_exit(std::string_view payload) {
    WireReader in(payload);
    ExecExit exit = take_exec_exit(in);
    if (!in.ok()) return garbled("exit of an exec");
    return exit;
}

}  // namespace berth::shim
