#include "engine/executor/spec_check.h"

#include "engine/executor/attributes.h"
#include "engine/executor/labels.h"
#include "engine/executor/resctrl.h"

namespace berth::executor {

namespace {

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

Result<> check_hooks(const oci::Hooks& hooks) {
    for (const auto* list : {&hooks.prestart, &hooks.create_runtime, &hooks.create_container,
                             &hooks.start_container, &hooks.poststart, &hooks.poststop}) {
        for (const oci::Hook& hook : *list) {
            if (!hook.path.starts_with("/")) return bad("hook path \"" + hook.path + "\" is not absolute");
            if (hook.timeout && *hook.timeout <= 0) return bad("hook timeout must be greater than 0");
        }
    }
    return {};
}

}  // namespace

Result<> check_process(const oci::Process& process) {
    if (process.args.empty()) return bad("args must not be empty");
    if (process.cwd.empty() || process.cwd[0] != '/') return bad("Cwd must be an absolute path");
    return {};
}

Result<> check_spec(const oci::RuntimeSpec& spec, const Options& options) {
    if (!spec.process) return bad("process property must not be empty");
    BERTH_CHECK(check_process(*spec.process));
    bool detaches = options.command == "create" || options.detach;
    if (detaches && spec.process->terminal && options.console_socket.empty())
        return bad("cannot allocate tty if runc will detach without setting console socket");
    if (!(detaches && spec.process->terminal) && !options.console_socket.empty())
        return bad("cannot use console socket if runc will not detach or allocate tty");
    BERTH_CHECK(check_labels(*spec.process, spec.linux_.mount_label));
    BERTH_CHECK(check_attributes(spec, *spec.process));
    if (spec.linux_.intel_rdt) BERTH_CHECK(check_resctrl(*spec.linux_.intel_rdt));
    return check_hooks(spec.hooks);
}

}  // namespace berth::executor
