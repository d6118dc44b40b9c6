#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

// What the helper tells its caller, over the result pipe (descriptor 3), once, after it has read all of its
// input (a "stat" comes before the output it is about):
//
//   record = length:u32 (host order)  field*          field = bytes NUL
//   "member" NAME FILE SIZE                            one for each extracted file
//   "progress" BYTES ENTRIES                           now and then, of a task that may take long
//   "stat" NAME SIZE MODE SECONDS NANOSECONDS LINK     what a path is; MODE is Go's, LINK its final target
//   "change" KIND PATH                                 one for each change of a layer; KIND is 0, 1 or 2
//   "root"                                             the layer says what its root is like
//   "done" DIGEST BYTES ENTRIES                        the last one of a task that worked
//   "error" KIND ERRNO MESSAGE                         the last one of a task that did not
//
// A pipe that ends without a last record means that the helper died.
namespace berth::confine {

using Fields = std::vector<std::string>;

std::string encode_record(const Fields& fields);
std::string encode_error(const Error& error);
Error decode_error(const Fields& fields);
// Takes one whole record off the front of `bytes`; false when there is none yet.
bool take_record(std::string& bytes, Fields& fields);

// The descriptors of a helper, after stdin (the input), stdout (the output) and stderr.
inline constexpr int kResultFd = 3;
inline constexpr int kTargetFd = 4;  // the folder it works in; of a view, its root or its mount namespace
inline constexpr int kSourceFd =
    5;  // copy-tree's source; of a layer that is being fetched, how much there is

}  // namespace berth::confine
