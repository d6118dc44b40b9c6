#pragma once

#include "engine/oci/runtime_spec.h"

// Fields of the specification, for runtime_spec.cc alone; see spec_passes.h.
namespace berth::oci {

template <class Pass>
void fields(Pass& pass, Box& box) {
    pass.always("height", box.height);
    pass.always("width", box.width);
}

template <class Pass>
void fields(Pass& pass, User& user) {
    pass.always("uid", user.uid);
    pass.always("gid", user.gid);
    pass("umask", user.umask);
    pass("additionalGids", user.additional_gids);
}

template <class Pass>
void fields(Pass& pass, Rlimit& limit) {
    pass.always("type", limit.type);
    pass.always("soft", limit.soft);
    pass.always("hard", limit.hard);
}

template <class Pass>
void fields(Pass& pass, Capabilities& sets) {
    pass("bounding", sets.bounding);
    pass("effective", sets.effective);
    pass("inheritable", sets.inheritable);
    pass("permitted", sets.permitted);
    pass("ambient", sets.ambient);
}

template <class Pass>
void fields(Pass& pass, Scheduler& scheduler) {
    pass.always("policy", scheduler.policy);
    pass("nice", scheduler.nice);
    pass("priority", scheduler.priority);
    pass("flags", scheduler.flags);
    pass("runtime", scheduler.runtime);
    pass("deadline", scheduler.deadline);
    pass("period", scheduler.period);
}

template <class Pass>
void fields(Pass& pass, IoPriority& priority) {
    pass.always("class", priority.io_class);
    pass.always("priority", priority.priority);
}

template <class Pass>
void fields(Pass& pass, CpuAffinity& affinity) {
    pass("initial", affinity.initial);
    pass("final", affinity.final_);
}

template <class Pass>
void fields(Pass& pass, Process& process) {
    pass("terminal", process.terminal);
    pass("consoleSize", process.console_size);
    pass.always("user", process.user);
    pass("args", process.args);
    pass("env", process.env);
    pass.always("cwd", process.cwd);
    pass("capabilities", process.capabilities);
    pass("rlimits", process.rlimits);
    pass("noNewPrivileges", process.no_new_privileges);
    pass("apparmorProfile", process.apparmor_profile);
    pass("selinuxLabel", process.selinux_label);
    pass("oomScoreAdj", process.oom_score_adj);
    pass("scheduler", process.scheduler);
    pass("ioPriority", process.io_priority);
    pass("execCPUAffinity", process.exec_cpu_affinity);
}

}  // namespace berth::oci
