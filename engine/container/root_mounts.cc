#include "engine/container/root_mounts.h"

#include <algorithm>

#include "engine/base/files.h"
#include "engine/container/etc_files.h"
#include "engine/sys/mount_options.h"

namespace berth::container {

namespace {

// Read-only goes for what is mounted below as well, where the kernel can do that.
Result<std::string> read_only_word(const MountPoint& mount) {
    if (mount.read_only_non_recursive) return std::string("ro");
    if (sys::can_set_attributes()) return std::string("rro");
    if (!mount.read_only_force_recursive) return std::string("ro");
    return fail(ErrorKind::kInvalidArgument, "rro is not supported: the kernel is older than 5.12");
}

Result<sys::Mount> spec_mount(const MountPoint& mount) {
    sys::Mount out;
    out.target = mount.destination;
    if (mount.type == "tmpfs") {
        out.type = out.source = "tmpfs";
        out.options = mount.options;
        if (!mount.read_write) out.options.push_back("ro");
        return out;
    }
    out.type = "bind";
    out.source = mount.source;
    out.options = {mount.non_recursive ? "bind" : "rbind"};
    if (!mount.read_write) {
        BERTH_TRY(auto word, read_only_word(mount));
        out.options.push_back(std::move(word));
    }
    out.options.push_back(mount.propagation.empty() ? "rprivate" : mount.propagation);
    return out;
}

// Binds of our own /etc files, unless the user mounts something there.
void add_etc_mounts(const Core& core, const Container& container, std::vector<sys::Mount>& mounts) {
    bool shares = container.network.starts_with("container:");
    EtcFiles files = etc_files(core, shares ? container.network.substr(10) : container.id);
    const std::pair<const char*, std::string> all[] = {{"/etc/resolv.conf", files.resolv_conf},
                                                       {"/etc/hostname", files.hostname},
                                                       {"/etc/hosts", files.hosts}};
    for (const auto& [target, source] : all) {
        auto same = [&](const sys::Mount& mount) { return mount.target == target; };
        if (std::any_of(mounts.begin(), mounts.end(), same) || !exists(source)) continue;
        mounts.push_back({"bind", source, target, {"rbind", "rprivate"}});
    }
}

}  // namespace

Result<std::vector<sys::Mount>> root_mounts(const Core& core, const Container& container,
                                            const std::vector<MountPoint>& mounts) {
    std::vector<sys::Mount> out;
    for (const auto& mount : mounts) {
        BERTH_TRY(auto made, spec_mount(mount));
        out.push_back(std::move(made));
    }
    add_etc_mounts(core, container, out);
    return out;
}

}  // namespace berth::container
