#include "engine/api/error_table.h"

namespace berth::api {

unsigned status_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::kInvalidArgument:
            return 400;
        case ErrorKind::kUnauthorized:
            return 401;
        case ErrorKind::kForbidden:
            return 403;
        case ErrorKind::kNotFound:
            return 404;
        case ErrorKind::kConflict:
            return 409;
        case ErrorKind::kNotImplemented:
            return 501;
        case ErrorKind::kUnavailable:
            return 503;
        case ErrorKind::kInternal:
        case ErrorKind::kDeadlineExceeded:
        case ErrorKind::kCancelled:
        case ErrorKind::kDataLoss:
            return 500;
    }
    return 500;
}

}  // namespace berth::api
