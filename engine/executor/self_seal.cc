#include "engine/executor/self_seal.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/files.h"
#include "engine/sys/sealed_copy.h"

namespace berth::executor {

Result<> run_from_sealed_copy(char** argv) {
    constexpr std::string_view kWhat = "ensure that the program is a sealed copy";
    BERTH_TRY(UniqueFd program, in(kWhat, open_file("/proc/self/exe", O_RDONLY)));
    // The shim runs a copy that all containers share.
    if (sys::is_sealed(program.get())) return {};
    BERTH_TRY(UniqueFd copy, in(kWhat, sys::sealed_copy(program.get())));
    ::syscall(SYS_execveat, copy.get(), "", argv, environ, AT_EMPTY_PATH);
    return fail_errno(kWhat);
}

}  // namespace berth::executor
