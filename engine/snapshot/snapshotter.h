#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/id_maps.h"
#include "engine/base/result.h"
#include "engine/state/database.h"
#include "engine/sys/mount.h"

namespace berth::snapshot {

struct SnapshotInfo {
    std::string key;     // a chain ID ("sha256:…") for a committed layer, a container ID for an active one
    std::string parent;  // "" for a base
    bool committed = false;
    std::string upper;  // the folder that holds this snapshot's own files
    // Committed, and its files may not be on disk yet; and it was another boot that wrote them: a power cut
    // may have taken some.
    bool unsettled = false, doubtful = false;
};

// A snapshot whose folder is there and whose record is not.
struct Staged {
    std::int64_t number = 0;
    std::string key, parent;
};

// Layers of root filesystems, by key. A committed snapshot never changes; an active one is one container's
// writable layer. Safe from any thread. Both are durable with the database's next durable transaction: that
// of the container's record or the image's name. The files of a committed one are on disk once settle() has
// returned; before, it can be made again out of the layer it came from (ADR 10), so whoever committed it
// keeps that until then.
class Snapshotter {
 public:
    virtual ~Snapshotter() = default;

    // A new active snapshot on top of committed `parent` ("" for none). kConflict if `key` is taken,
    // kNotFound if the parent is missing. The root folder takes over the owner and mode of the parent's (0755
    // root without one). A bind mount without a parent, else an overlay with lowerdir=, upperdir= and
    // workdir=.
    virtual Result<sys::Mount> prepare(const std::string& key, const std::string& parent) = 0;
    // prepare() in two halves, for a caller with a record of its own to go with it: the folder now, the
    // snapshot's record in the caller's transaction, with prepare()'s errors. leave() takes the folder away
    // again when nothing came of it.
    virtual Result<Staged> stage(const std::string& key, const std::string& parent) = 0;
    virtual Result<> enter(state::Connection& connection, const Staged& staged) = 0;
    virtual Result<> leave(const Staged& staged) = 0;
    // The mount of an active snapshot, for mount_detached(). `below`: a folder that lies under
    // all its layers, "" for none.
    virtual Result<sys::Mount> mounts(const std::string& key, const std::string& below) = 0;
    // A read-only view of a committed one.
    virtual Result<sys::Mount> view(const std::string& key) = 0;
    // Turns active `key` into committed `name`; kConflict when `name` is there (the active one stays).
    virtual Result<> commit(const std::string& key, const std::string& name) = 0;
    // The same for one that was prepared without a parent and goes on top of committed `parent`, which nobody
    // had yet when it was prepared. Its root takes over the parent's owner and mode, unless it
    // `has_own_root`.
    virtual Result<> commit_onto(const std::string& key, const std::string& name, const std::string& parent,
                                 bool has_own_root) = 0;
    // kConflict while another snapshot has it as parent. A missing one is kNotFound.
    virtual Result<> remove(const std::string& key) = 0;
    // The same, but the files only go out of the way and stay until clear_discarded(): for whoever holds a
    // lock.
    virtual Result<> discard(const std::string& key) = 0;
    // Removes the files of all that was discarded, also before a crash.
    virtual Result<> clear_discarded() = 0;

    // Waits until the files of all committed snapshots are on disk, but for those that are doubtful.
    virtual Result<> settle() = 0;
    // Active `key`, made on the same parent, becomes committed `name` in place of the one that is. While no
    // container runs.
    virtual Result<> replace(const std::string& key, const std::string& name) = 0;

    virtual Result<SnapshotInfo> stat(const std::string& key) = 0;
    virtual Result<std::vector<SnapshotInfo>> list() = 0;
    // Bytes the snapshot's own files take on disk.
    virtual Result<std::uint64_t> usage(const std::string& key) = 0;
    // Removes folders that no record names (a crash between the two). Opening does it, unless the table was
    // empty: then it is for whoever has seen that the rebuilt records are complete, before anything is
    // prepared.
    virtual Result<> collect_orphans() = 0;
};

extern const state::Schema kSchema;
// Folders below `root`/snapshots/N/{fs,work}. An empty table is filled from the copies that lie in them.
// `boot`: of this machine, as the kernel tells it. `owner`: of a root without a parent.
Result<std::unique_ptr<Snapshotter>> open_overlay_snapshotter(const std::string& root,
                                                              state::Database& database, std::string boot,
                                                              Owner owner = {});

}  // namespace berth::snapshot
