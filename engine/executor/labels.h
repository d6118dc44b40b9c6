#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/oci/runtime_spec.h"

// AppArmor profiles and SELinux labels of a process.
namespace berth::executor {

// An explicit profile or label that the host cannot apply is an error, in runc's words.
Result<> check_labels(const oci::Process& process, const std::string& mount_label);

// The files of the calling process that take its label for the next exec; opened while the host's own /proc
// is there, since a container's may be anything.
struct LabelFiles {
    UniqueFd apparmor, selinux;
};
Result<LabelFiles> open_label_files(const oci::Process& process);
Result<> apply_labels(const LabelFiles& files, const oci::Process& process);

}  // namespace berth::executor
