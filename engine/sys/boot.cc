#include "engine/sys/boot.h"

#include "engine/base/files.h"

namespace berth::sys {

Result<std::string> boot_id() {
    BERTH_TRY(std::string text, read_file("/proc/sys/kernel/random/boot_id", 128));
    while (text.ends_with('\n')) text.pop_back();
    if (text.empty()) return fail(ErrorKind::kInternal, "the kernel tells no boot ID");
    return text;
}

}  // namespace berth::sys
