#include "engine/sys/sealed_copy.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace berth::sys {

namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
constexpr unsigned kExecutable = 0x10;  // MFD_EXEC, Linux 6.3: said aloud where vm.memfd_noexec wants it

}  // namespace

Result<UniqueFd> sealed_copy(int program) {
    UniqueFd copy(::memfd_create("berth-runtime", MFD_CLOEXEC | MFD_ALLOW_SEALING | kExecutable));
    if (!copy && errno == EINVAL)
        copy.reset(::memfd_create("berth-runtime", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!copy) return fail_errno("memfd_create");
    struct stat status{};
    if (::fstat(program, &status) != 0) return fail_errno("stat");
    for (off_t offset = 0; offset < status.st_size;) {
        ssize_t sent =
            ::sendfile(copy.get(), program, &offset, static_cast<std::size_t>(status.st_size - offset));
        if (sent < 0 && errno != EINTR) return fail_errno("copy");
        if (sent == 0) return fail(ErrorKind::kInternal, "copy: the program became shorter");
    }
    if (::fcntl(copy.get(), F_ADD_SEALS, kSeals) != 0) return fail_errno("seal");
    return copy;
}

bool is_sealed(int file) {
    int seals = ::fcntl(file, F_GET_SEALS);
    return seals >= 0 && (seals & kSeals) == kSeals;
}

}  // namespace berth::sys
