#include "engine/confine/owner.h"

#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

namespace berth::confine {

Result<> make_files_as(const Owner& root) {
    // Else the new id takes away what reads and writes everybody's files.
    if (::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) != 0) return fail_errno("set securebits");
    ::setfsgid(root.gid);
    ::setfsuid(root.uid);
    // They tell of no error, only of the id before.
    constexpr auto kAsk = static_cast<unsigned>(-1);
    if (::setfsgid(kAsk) != static_cast<int>(root.gid) || ::setfsuid(kAsk) != static_cast<int>(root.uid))
        return fail(ErrorKind::kForbidden, "cannot act for the root of the user namespace");
    return {};
}

}  // namespace berth::confine
