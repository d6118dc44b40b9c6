#include "engine/sys/proc_files.h"

#include <algorithm>
#include <iterator>

namespace berth::sys {

bool may_mount_over(std::string_view path) {
    static constexpr std::string_view kAllowed[] = {"/proc/cpuinfo",
                                                    "/proc/diskstats",
                                                    "/proc/meminfo",
                                                    "/proc/stat",
                                                    "/proc/swaps",
                                                    "/proc/uptime",
                                                    "/proc/loadavg",
                                                    "/proc/slabinfo",
                                                    "/proc/net/dev",
                                                    "/proc/sys/kernel/ns_last_pid",
                                                    "/proc/sys/crypto/fips_enabled"};
    if (path != "/proc" && !path.starts_with("/proc/")) return true;
    return std::find(std::begin(kAllowed), std::end(kAllowed), path) != std::end(kAllowed);
}

}  // namespace berth::sys
