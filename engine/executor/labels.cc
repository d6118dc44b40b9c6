#include "engine/executor/labels.h"

#include <fcntl.h>
#include <sys/vfs.h>

#include "engine/base/files.h"

namespace berth::executor {

namespace {

constexpr long kSelinuxMagic = 0xf97cff8c;

bool apparmor_enabled() {
    auto text = read_file("/sys/module/apparmor/parameters/enabled");
    return text && text->starts_with("Y");
}

bool selinux_enabled() {
    struct statfs kind{};
    return ::statfs("/sys/fs/selinux", &kind) == 0 && static_cast<unsigned>(kind.f_type) == kSelinuxMagic;
}

}  // namespace

Result<> check_labels(const oci::Process& process, const std::string& mount_label) {
    if (!process.apparmor_profile.empty() && !apparmor_enabled())
        return fail(ErrorKind::kInvalidArgument, "apparmor: config provided but apparmor not supported");
    if ((!process.selinux_label.empty() || !mount_label.empty()) && !selinux_enabled()) {
        return fail(ErrorKind::kInvalidArgument,
                    "selinux label is specified in config, but selinux is disabled or not supported");
    }
    return {};
}

Result<LabelFiles> open_label_files(const oci::Process& process) {
    LabelFiles files;
    if (!process.apparmor_profile.empty()) {
        auto own = open_file("/proc/self/attr/apparmor/exec", O_WRONLY);
        if (!own) own = open_file("/proc/self/attr/exec", O_WRONLY);
        if (!own) return Failure(std::move(own.error()).in("unable to apply apparmor profile"));
        files.apparmor = std::move(*own);
    }
    if (!process.selinux_label.empty()) {
        BERTH_TRY(files.selinux, in("can't set process label", open_file("/proc/self/attr/exec", O_WRONLY)));
    }
    return files;
}

Result<> apply_labels(const LabelFiles& files, const oci::Process& process) {
    if (files.apparmor) {
        BERTH_CHECK(in("unable to apply apparmor profile",
                       write_all(files.apparmor.get(), "exec " + process.apparmor_profile)));
    }
    if (files.selinux)
        BERTH_CHECK(in("can't set process label", write_all(files.selinux.get(), process.selinux_label)));
    return {};
}

}  // namespace berth::executor
