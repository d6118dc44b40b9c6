#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "engine/base/files.h"
#include "engine/cgroup/cgroup.h"
#include "engine/cgroup/device_program.h"
#include "engine/cgroup/settings.h"

namespace berth::cgroup {

namespace {

// Writes settings one by one. A file stays open for the next, which is often for the same file: a dozen
// device rules are one.
class SettingWriter {
 public:
    Result<> write(const std::string& folder, const Setting& setting) {
        auto written = write_value(folder + "/" + setting.file, setting.value);
        if (written || written.error().sys_errno != ENOENT) return written;
        if (!setting.other_file.empty()) {
            auto other = write_value(folder + "/" + setting.other_file, setting.other_value);
            if (other || other.error().sys_errno != ENOENT) return other;
        }
        return setting.optional ? Result<>() : written;
    }

 private:
    Result<> write_value(const std::string& path, const std::string& value) {
        if (path != path_) {
            path_.clear();
            BERTH_TRY(file_, open_file(path, O_WRONLY));
            path_ = path;
        }
        if (::write(file_.get(), value.data(), value.size()) < 0)
            return fail_errno(fmt::format("failed to write \"{}\": write {}", value, path));
        return {};
    }

    std::string path_;
    UniqueFd file_;
};

std::uint64_t number_in(const std::string& path) {
    std::uint64_t value = 0;
    std::string text = read_file(path).value_or("");
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// In use already and not to be had back: the caller hears how much.
Failure refused(const std::string& folder, const Setting& setting, Error error) {
    bool v1_memory = setting.file == "memory.limit_in_bytes" && error.sys_errno == EBUSY;
    if (!v1_memory) return Failure(std::move(error).in("error setting cgroup config"));
    return fail(ErrorKind::kConflict,
                fmt::format("unable to set memory limit to {} (current usage: {}, peak usage: {})",
                            setting.value, number_in(folder + "/memory.usage_in_bytes"),
                            number_in(folder + "/memory.max_usage_in_bytes")));
}

}  // namespace

// With checkBeforeUpdate a limit that would kill the container is refused.
Result<> Cgroup::check_usage(const oci::MemoryResources& memory) const {
    std::int64_t limit = memory.limit.value_or(0), swap = memory.swap.value_or(0);
    const Folder* folder = folder_of("memory");
    if (!memory.check_before_update.value_or(false) || folder == nullptr) return {};
    auto usage = static_cast<std::int64_t>(
        number_in(folder->path + (unified_only_ ? "/memory.current" : "/memory.usage_in_bytes")));
    if (limit > 0 && limit < usage)
        return fail(ErrorKind::kConflict, fmt::format("rejecting memory limit {} < usage {}", limit, usage));
    if (!unified_only_) return {};
    auto all = usage + static_cast<std::int64_t>(number_in(folder->path + "/memory.swap.current"));
    if (swap > 0 && swap < all)
        return fail(ErrorKind::kConflict,
                    fmt::format("rejecting memory+swap limit {} < usage {}", swap, all));
    return {};
}

Result<> Cgroup::apply(const oci::Resources& resources) const {
    BERTH_TRY(std::vector<Setting> settings, unified_only_ ? settings_v2(resources) : settings_v1(resources));
    if (resources.memory) BERTH_CHECK(check_usage(*resources.memory));
    SettingWriter writer;
    std::vector<const Setting*> later;
    for (const Setting& setting : settings) {
        const Folder* folder = folder_of(setting.controller);
        if (folder == nullptr && setting.optional) continue;
        if (folder == nullptr) {
            return fail(ErrorKind::kUnavailable,
                        fmt::format("cannot set {}: the {} cgroup controller is not available", setting.file,
                                    setting.controller));
        }
        auto written = writer.write(folder->path, setting);
        if (written) continue;
        if (!setting.again || written.error().sys_errno != EINVAL)
            return refused(folder->path, setting, std::move(written.error()));
        later.push_back(&setting);
    }
    for (const Setting* setting : later) {
        const std::string& folder = folder_of(setting->controller)->path;
        if (auto written = writer.write(folder, *setting); !written)
            return refused(folder, *setting, std::move(written.error()));
    }
    if (unified_only_ && !resources.devices.empty()) {
        const Folder* folder = folder_of("devices");
        if (folder != nullptr) BERTH_CHECK(attach_device_program(folder->path, resources.devices));
    }
    return {};
}

}  // namespace berth::cgroup
