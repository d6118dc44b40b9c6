#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/unique_fd.h"
#include "engine/cgroup/hierarchy.h"
#include "engine/oci/runtime_spec.h"

namespace berth::cgroup {

// Where one container's cgroup lies: mount point of each hierarchy -> path from there.
using Places = std::map<std::string, std::string>;

// The places that the specification's cgroupsPath stands for: an absolute one is the same in every hierarchy;
// a relative one, or `id` without any, lies below the cgroup of the calling process, as runc has it (on pure
// version 2 beside it, since a cgroup with processes can have no children with controllers).
// kInvalidArgument for the root, which is the host's own, by whatever name.
Result<Places> places_of(const Layout& layout, const std::string& cgroups_path, const std::string& id);

// One container's cgroup in every hierarchy of the host.
class Cgroup {
 public:
    // Nothing is touched. `path` is absolute.
    static Result<Cgroup> at(const Layout& layout, const std::string& path);
    static Result<Cgroup> at(const Layout& layout, const Places& places);

    // kConflict when there are processes in it already, or it is frozen.
    Result<> check_free() const;
    // Makes the folders, with the parents that are missing; on version 2 the controllers are enabled on the
    // way. After an error those made are gone again.
    enum class Part { kAll, kUnified, kVersion1 };
    Result<> create(Part part = Part::kAll) const;
    // Limits and device rules, in the order the kernel wants them; also over those of before. Errors read as
    // runc's.
    Result<> apply(const oci::Resources& resources) const;
    // Ways in, the quick ones first. Moving another process, or one with threads, costs an RCU grace period
    // of about 10 ms on an idle host (cgroup_threadgroup_rwsem); being born inside, and a single thread that
    // moves itself (since Linux 5.5), cost none.
    //
    // Version 2's folder, for clone3's CLONE_INTO_CGROUP; none where it is not to be had.
    UniqueFd birthplace() const;
    // For join_by(), a file for each hierarchy of version 1.
    Result<std::vector<UniqueFd>> join_files() const;
    // Moves a process that could not be born there.
    Result<> join_unified(pid_t pid) const;
    // Moves a process in every hierarchy.
    Result<> join(pid_t pid) const;
    Result<std::vector<pid_t>> processes() const;  // of the whole subtree
    // A signal to every process of the subtree, each held by descriptor while it is made sure that it still
    // belongs there.
    Result<> signal_all(int signal) const;
    // SIGKILL to every process of the subtree; does not wait.
    Result<> kill_all() const;
    // Returns when all of the processes stand still, or run again. A freeze that does not come about in ten
    // seconds is taken back.
    Result<> freeze(bool frozen) const;
    // The file that says whether it is frozen, and what it says then begins with "FROZEN" or "1"; "" if there
    // is none.
    std::string freezer_file() const;
    // Removes the folders and what is below them, once they are empty; tries again for a moment, since a
    // process that has been reaped leaves its cgroup a little later.
    Result<> remove() const;
    // Controller ("" for version 2) and folder of each.
    struct Folder {
        std::vector<std::string> controllers;
        std::string path, mount_point;
        bool unified = false;
    };
    const std::vector<Folder>& folders() const { return folders_; }
    bool unified_only() const { return unified_only_; }
    // Where a controller's files are ("" on version 2: all of them); "" if this host has none.
    std::string controller_folder(const std::string& controller) const;

 private:
    explicit Cgroup(std::vector<Folder> folders, bool unified_only)
        : folders_(std::move(folders)), unified_only_(unified_only) {}
    const Folder* folder_of(const std::string& controller) const;
    Result<> check_thawed() const;
    Result<> check_usage(const oci::MemoryResources& memory) const;

    std::vector<Folder> folders_;
    bool unified_only_;
};

// The file of a version 1 cgroup that the calling process joins by, if it has no other thread.
Result<UniqueFd> join_file(const std::string& folder);
// Joins by all of them; whoever opened the files needs the right to, the caller none.
Result<> join_by(const std::vector<UniqueFd>& files);

}  // namespace berth::cgroup
