#pragma once

#include <tl/expected.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace berth {

// What went wrong, in the terms a caller can act on. engine/api maps each kind to one HTTP status.
enum class ErrorKind {
    kInvalidArgument,   // 400: the request itself is wrong
    kUnauthorized,      // 401
    kForbidden,         // 403
    kNotFound,          // 404
    kConflict,          // 409: right request, wrong state
    kInternal,          // 500: a system call or library failed
    kNotImplemented,    // 501: known, and not supported yet
    kUnavailable,       // 503: the subsystem or peer is not there
    kDeadlineExceeded,  // 500: a wait ran out
    kCancelled,         // 500: whoever asked has gone
    kDataLoss,          // 500: stored data is damaged
};

// An error as it travels upwards. `message` is what the user reads, lower case, without a full stop; each
// layer may put one phrase in front. `sys_errno` is the errno that caused it, else 0.
struct Error {
    ErrorKind kind = ErrorKind::kInternal;
    std::string message;
    int sys_errno = 0;

    // The same error with "phrase: " in front.
    Error in(std::string_view phrase) &&;
};

// A value or an Error. Never ignored.
template <class T = void>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
    using tl::expected<T, Error>::expected;
    Result(tl::expected<T, Error> other) : tl::expected<T, Error>(std::move(other)) {}
    Result() = default;
};

using Failure = tl::unexpected<Error>;

Failure fail(ErrorKind kind, std::string message);

// An Error from `err` (default: errno): "what: No such file or directory". ENOENT is kNotFound, EACCES and
// EPERM are kForbidden, EEXIST is kConflict, everything else kInternal.
Failure fail_errno(std::string_view what);
Failure fail_errno(std::string_view what, int err);

// Puts "phrase: " in front of the error of `result`, if it has one.
template <class T>
Result<T> in(std::string_view phrase, Result<T> result) {
    if (result) return result;
    return Failure(std::move(result.error()).in(phrase));
}

}  // namespace berth

#define BERTH_CONCAT_(a, b) a##b
#define BERTH_CONCAT(a, b) BERTH_CONCAT_(a, b)

// BERTH_TRY(auto file, open_file(path));   declares `file`, or returns the error.
#define BERTH_TRY(declaration, ...) \
    BERTH_TRY_(BERTH_CONCAT(try_, __COUNTER__), return, declaration, __VA_ARGS__)
// BERTH_CHECK(write_file(path, text));     returns the error, if there is one.
#define BERTH_CHECK(...) BERTH_CHECK_(BERTH_CONCAT(check_, __COUNTER__), return, __VA_ARGS__)
// The same in a coroutine: BERTH_CO_TRY(auto n, co_await stream.read(buffer));
#define BERTH_CO_TRY(declaration, ...) \
    BERTH_TRY_(BERTH_CONCAT(try_, __COUNTER__), co_return, declaration, __VA_ARGS__)
#define BERTH_CO_CHECK(...) BERTH_CHECK_(BERTH_CONCAT(check_, __COUNTER__), co_return, __VA_ARGS__)

#define BERTH_TRY_(name, leave, declaration, ...)               \
    auto name = __VA_ARGS__;                                    \
    if (!name) leave ::berth::Failure(std::move(name.error())); \
    declaration = std::move(*name)
#define BERTH_CHECK_(name, leave, ...) \
    if (auto name = __VA_ARGS__; !name) leave ::berth::Failure(std::move(name.error()))
