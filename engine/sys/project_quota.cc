#include "engine/sys/project_quota.h"

#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>

#include "engine/base/files.h"

namespace berth::sys {

namespace {

constexpr int kProject = 2;            // PRJQUOTA of <linux/quota.h>, which <sys/quota.h> lacks
constexpr long kQuotactlFd = 443;      // Linux 5.14; the number is the same everywhere
constexpr std::uint64_t kBlock = 512;  // what the limits count in
constexpr std::uint32_t kLastProject = 0xfffffffe;

constexpr unsigned command(unsigned what) {
    return what << 8 | kProject;
}

// quotactl(2) wants the file system's device; a node of it that is there for the call alone.
int by_device(int folder, unsigned what, std::uint32_t id, void* data, const std::string& scratch) {
    struct stat status{};
    if (::fstat(folder, &status) != 0) return -1;
    const std::string node = scratch + "/.quota-device";
    (void)::unlink(node.c_str());
    if (::mknod(node.c_str(), S_IFBLK | 0600, status.st_dev) != 0) return -1;
    const long done = ::syscall(SYS_quotactl, command(what), node.c_str(), id, data);
    const int reason = errno;
    (void)::unlink(node.c_str());
    errno = reason;
    return static_cast<int>(done);
}

int quota_call(int folder, unsigned what, std::uint32_t id, void* data, const std::string& scratch) {
    const long done = ::syscall(kQuotactlFd, folder, command(what), id, data);
    if (done == 0 || errno != ENOSYS) return static_cast<int>(done);
    return by_device(folder, what, id, data, scratch);
}

Result<fsxattr> attributes_of(int folder) {
    fsxattr out{};
    if (::ioctl(folder, FS_IOC_FSGETXATTR, &out) != 0) return fail_errno("failed to get projid");
    return out;
}

Result<UniqueFd> open_folder(const std::string& path) {
    return open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

bool is_free(int folder, std::uint32_t project, const std::string& scratch) {
    fs_disk_quota state{};
    if (quota_call(folder, Q_XGETQUOTA, project, &state, scratch) != 0) return errno == ENOENT;
    return state.d_blk_hardlimit == 0 && state.d_blk_softlimit == 0 && state.d_bcount == 0 &&
           state.d_icount == 0 && state.d_ino_hardlimit == 0;
}

Result<> set_limit(int folder, std::uint32_t project, std::uint64_t bytes, const std::string& scratch) {
    fs_disk_quota limit{};
    limit.d_version = FS_DQUOT_VERSION;
    limit.d_id = project;
    limit.d_flags = FS_PROJ_QUOTA;
    limit.d_fieldmask = FS_DQ_BHARD | FS_DQ_BSOFT;
    limit.d_blk_hardlimit = limit.d_blk_softlimit = bytes / kBlock;
    if (quota_call(folder, Q_XSETQLIM, project, &limit, scratch) != 0)
        return fail_errno("failed to set quota limit for projid " + std::to_string(project));
    return {};
}

Result<std::uint32_t> parents_project(int folder) {
    UniqueFd parent(::openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent) return fail_errno("open the folder above");
    auto attributes = attributes_of(parent.get());
    // It lies on another file system, for one.
    return attributes ? attributes->fsx_projid : 0;
}

std::mutex numbering;

}  // namespace

bool can_limit_folders(const std::string& folder, const std::string& scratch) {
    const auto fd = open_folder(folder);
    if (!fd || !attributes_of(fd->get())) return false;
    fs_quota_statv state{};
    state.qs_version = FS_QSTATV_VERSION1;
    if (quota_call(fd->get(), Q_XGETQSTATV, 0, &state, scratch) != 0) return false;
    constexpr unsigned kBoth = FS_QUOTA_PDQ_ACCT | FS_QUOTA_PDQ_ENFD;
    return (state.qs_flags & kBoth) == kBoth;
}

Result<> limit_folder(const std::string& folder, std::uint64_t bytes, const std::string& scratch) {
    BERTH_TRY(const auto fd, open_folder(folder));
    BERTH_TRY(auto attributes, attributes_of(fd.get()));
    BERTH_TRY(const std::uint32_t above, parents_project(fd.get()));
    std::lock_guard lock(numbering);
    if (attributes.fsx_projid != 0 && attributes.fsx_projid != above)
        return set_limit(fd.get(), attributes.fsx_projid, bytes, scratch);
    std::uint32_t project = above + 1;
    while (project < kLastProject && !is_free(fd.get(), project, scratch)) ++project;
    BERTH_CHECK(set_limit(fd.get(), project, bytes, scratch));
    attributes.fsx_projid = project;
    attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
    if (::ioctl(fd.get(), FS_IOC_FSSETXATTR, &attributes) == 0) return {};
    auto failure = fail_errno("failed to set projid");
    (void)set_limit(fd.get(), project, 0, scratch);
    return failure;
}

Result<> unlimit_folder(const std::string& folder, const std::string& scratch) {
    BERTH_TRY(const auto fd, open_folder(folder));
    BERTH_TRY(const auto attributes, attributes_of(fd.get()));
    BERTH_TRY(const std::uint32_t above, parents_project(fd.get()));
    if (attributes.fsx_projid == 0 || attributes.fsx_projid == above) return {};
    return set_limit(fd.get(), attributes.fsx_projid, 0, scratch);
}

}  // namespace berth::sys
