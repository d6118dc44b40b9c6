#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

// What the helper tells its caller, over the result pipe (descriptor 3), once, after it has read all of its
// input (a "stat" comes before the output it is about; an archive's files are told as they come):
//
//   record = length:u32 (host order)  field*          field = bytes NUL
//   "begun" NAME FILE SIZE                             a file of an archive; so many bytes of it are there;
//   "grown" FILE BYTES                                 all are
//   "ended" FILE
//   "member" NAME FILE SIZE                            one for each extracted file, when all are there
//   "progress" BYTES ENTRIES                           now and then, of a task that may take long
//   "stat" NAME SIZE MODE SECONDS NANOSECONDS LINK     what a path is; MODE is Go's, LINK its final target
//   "change" KIND PATH                                 one for each change of a layer; KIND is 0, 1 or 2
//   "root"                                             the layer says what its root is like
//   "done" DIGEST BYTES ENTRIES                        the last one of a task that worked; DIGEST of "unpack"
//   is
//                                                      that of the tar in a compressed layer; BYTES of "put"
//                                                      and "extract" are those that were read beyond the end
//                                                      of an HTTP body
//   "error" KIND ERRNO MESSAGE                         the last one of a task that did not
//
// A pipe that ends without a last record means that the helper died.
//
// What it is told there, by "archive" and "export" after the "stat": where the output goes, one byte.
namespace berth::confine {

using Fields = std::vector<std::string>;

std::string encode_record(const Fields& fields);
std::string encode_error(const Error& error);
Error decode_error(const Fields& fields);

// Takes records out of bytes as they come.
class RecordReader {
 public:
    void append(std::string_view bytes);
    // The next whole record; false when there is none yet.
    bool take(Fields& fields);

 private:
    std::string bytes_;
    std::size_t taken_ = 0;
};

inline constexpr char kOutputHere = 'h';    // to stdout
inline constexpr char kOutputChunks = 'c';  // to the socket that comes with the byte, in HTTP's chunks

// The descriptors of a helper, after stdin (the input), stdout (the output) and stderr.
inline constexpr int kResultFd = 3;
inline constexpr int kTargetFd = 4;  // the folder it works in; of a view, its root or its mount namespace
inline constexpr int kSourceFd =
    5;  // copy-tree's source; of a layer that is being fetched, how much there is
inline constexpr int kHandedFd = 5;  // the first of a view's handed mounts

}  // namespace berth::confine
