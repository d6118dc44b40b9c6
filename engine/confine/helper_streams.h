#pragma once

#include <memory>
#include <string_view>

#include "engine/archive/byte_sink.h"
#include "engine/archive/byte_source.h"
#include "engine/base/result.h"

// In the helper: the archive it reads, and the one it writes.
namespace berth::confine {

class HelperInput {
 public:
    virtual ~HelperInput() = default;
    // `framing`: "" for stdin to its end; "EARLY:LENGTH" for the body of an HTTP message on stdin, of which
    // EARLY bytes come from the caller over kResultFd; without LENGTH it is in chunks.
    static Result<std::unique_ptr<HelperInput>> open(std::string_view framing);
    virtual archive::ByteSource& source() = 0;
    // How much has been read beyond the end.
    virtual std::size_t beyond() const = 0;
};

class HelperOutput {
 public:
    virtual ~HelperOutput() = default;
    // Waits until the caller tells where the output goes (wire.h).
    static Result<std::unique_ptr<HelperOutput>> receive();
    virtual archive::ByteSink& sink() = 0;
};

}  // namespace berth::confine
