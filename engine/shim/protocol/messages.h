#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/shim/protocol/exit_record.h"
#include "engine/shim/protocol/health.h"

// The conversation between the daemon and a shim, on a unix stream socket. Each side first says kHello; then
// the daemon asks and the shim answers each question once, in any order, with the question's tag. Events have
// tag 0 and go to every connection.
//
//   frame    u32 length of the rest | u16 type | u32 tag | payload
//   kHello   u32 magic | u16 version [| from the shim: status]
//   kMount   –            before kCreate, with the descriptor of a detached mount: the n-th of them is
//            attached at BUNDLE/mounts/n                                              → kReply
//   kCreate  u8 has root  (1: the descriptor of the root mount comes along)           → kReply u32 pid
//   kStart   –                                                                        → kReply i64 started at
//   kKill    u32 signal                                                               → kReply
//   kAttach  u8 streams   (1 stdin, 2 stdout, 4 stderr; 8: first what has been read of lines that are not in
//   the
//            log yet) with the stream's descriptor  → kReply i64 now: what is older is in the log or came
//            first
//   kResize  u16 rows | u16 columns                                                   → kReply
//   kDelete  –            not while running: after it nothing of the container is left → kReply u8 lingers
//            (1: the shim stays until its clients have read everything, else it ends at once)
//   kExec    text exec | text process (JSON) | u8 terminal | u8 streams (as kAttach; unless 0 the descriptor
//            comes along) | u16 rows | u16 columns      of a running container       → kReply u32 pid
//   kExecResize text exec | u16 rows | u16 columns                                    → kReply
//   kExecKill   text exec | u32 signal                                                → kReply
//   kExecTold   text exec               its end has been heard of                     no answer
//   kPause   –            of a running container                                      → kReply
//   kResume  –            of a paused one                                             → kReply
//   kFailure u8 kind | u32 errno | text                                               (an answer)
//   kExited  exit         after the exit record is on disk                            (an event)
//   kExecExited text exec | u32 code | i64 exited at      its output has been read     (an event)
//   kHealth  health (health.h)   after each probe of a container with a health check    (an event)
//   kNotice  text         something the engine's log should say                       (an event)
//   status   u8 state | u32 pid | i64 started at | u8 has exit [| exit] | u8 has health [| health]
//            | u32 n | n × text exec that has not ended | u32 n | n × (as kExecExited) not told yet
//   exit     u32 code | u8 oom killed | i64 exited at | text error
// Times are nanoseconds since 1970. Unknown questions are answered with kFailure (kNotImplemented), unknown
// events and trailing fields ignored.
namespace berth::shim {

inline constexpr std::uint32_t kMagic = 0x4d485342;  // "BSHM"
inline constexpr std::uint16_t kVersion = 1;
inline constexpr std::size_t kMaxFrame = 1 << 20;

enum class MessageType : std::uint16_t {
    kHello = 1,
    kCreate = 2,
    kStart = 3,
    kKill = 4,
    kAttach = 5,
    kResize = 6,
    kDelete = 7,
    kPause = 8,
    kResume = 9,
    kMount = 10,
    kExec = 16,
    kExecResize = 17,
    kExecKill = 18,
    kExecTold = 19,
    kReply = 64,
    kFailure = 65,
    kExited = 128,
    kNotice = 129,
    kExecExited = 130,
    kHealth = 131,
};

enum AttachStreams : std::uint8_t {
    kAttachStdin = 1,
    kAttachStdout = 2,
    kAttachStderr = 4,
    kAttachAfterLog = 8
};

enum class TaskState : std::uint8_t { kNew = 0, kCreated = 1, kRunning = 2, kExited = 3, kPaused = 4 };

// One more process in the container. `id` is a file name's part: hex digits.
struct ExecRequest {
    std::string id, process;
    bool terminal = false;
    std::uint8_t streams = 0;  // AttachStreams; without stdin it reads /dev/null
    std::uint16_t rows = 0, columns = 0;
};
struct ExecExit {
    std::string id;
    int code = 0;  // 128+n for signal n
    std::int64_t exited_at = 0;
};

struct Status {
    TaskState state = TaskState::kNew;
    pid_t pid = 0;
    std::int64_t started_at = 0;
    std::optional<ExitRecord> exit;
    std::optional<Health> health;
    std::vector<std::string> execs;     // started and not announced as ended
    std::vector<ExecExit> ended_execs;  // announced, and nobody said kExecTold
};

struct Frame {
    MessageType type{};
    std::uint32_t tag = 0;
    std::string payload;
};

std::string encode_frame(MessageType type, std::uint32_t tag, std::string_view payload);

// Cuts frames out of a byte stream.
class FrameBuffer {
 public:
    void append(std::string_view bytes) { bytes_ += bytes; }
    // The next whole frame, or nothing yet. An error means that the peer does not speak this protocol.
    Result<std::optional<Frame>> next();

 private:
    std::string bytes_;
};

std::string encode_hello(const Status* status);
// The status is there when the shim said hello. kNotImplemented for a version this side cannot speak.
Result<std::optional<Status>> decode_hello(std::string_view payload);

std::string encode_failure(const Error& error);
Error decode_failure(std::string_view payload);

std::string encode_health(const Health& health);
Result<Health> decode_health(std::string_view payload);

std::string encode_exit(const ExitRecord& exit);
Result<ExitRecord> decode_exit(std::string_view payload);

std::string encode_exec(const ExecRequest& request);
Result<ExecRequest> decode_exec(std::string_view payload);
std::string encode_exec_exit(const ExecExit& exit);
Result<ExecExit> decode_exec_exit(std::string_view payload);

}  // namespace berth::shim
