#include "engine/base/result.h"

#include <cerrno>
#include <cstring>

namespace berth {

namespace {

ErrorKind kind_of(int err) {
    switch (err) {
        case ENOENT:
            return ErrorKind::kNotFound;
        case EACCES:
        case EPERM:
            return ErrorKind::kForbidden;
        case EEXIST:
            return ErrorKind::kConflict;
        default:
            return ErrorKind::kInternal;
    }
}

// strerrordesc_np knows no locale and needs no buffer. Docker's clients match the text that Go prints,
// which is the same in lower case.
std::string describe(int err) {
    const char* text = strerrordesc_np(err);
    std::string out = text != nullptr ? text : "errno " + std::to_string(err);
    if (out.size() > 1 && out[0] >= 'A' && out[0] <= 'Z' && out[1] >= 'a') out[0] += 'a' - 'A';
    return out;
}

}  // namespace

Error Error::in(std::string_view phrase) && {
    message.insert(0, std::string(phrase) + ": ");
    return std::move(*this);
}

Failure fail(ErrorKind kind, std::string message) {
    return Failure(Error{kind, std::move(message), 0});
}

Failure fail_errno(std::string_view what) {
    return fail_errno(what, errno);
}

Failure fail_errno(std::string_view what, int err) {
    return Failure(Error{kind_of(err), std::string(what) + ": " + describe(err), err});
}

}  // namespace berth
