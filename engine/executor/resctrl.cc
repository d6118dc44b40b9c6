#include "engine/executor/resctrl.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "engine/base/files.h"

namespace berth::executor {

namespace {

const std::string kTop = "/sys/fs/resctrl";

Failure bad(std::string message) {
    return fail(ErrorKind::kInvalidArgument, std::move(message));
}

bool has(const char* info) {
    return exists(kTop + "/info/" + info);
}

// The kernel says in a file of its own what was wrong with the last thing that was written.
Result<> explained(Result<> done) {
    if (done) return done;
    std::string status = read_file(kTop + "/info/last_cmd_status").value_or("");
    while (status.ends_with('\n')) status.pop_back();
    if (!status.empty()) done.error().message += ", last_cmd_status: " + status;
    return in("intelRdt", std::move(done));
}

std::string lines_of(const oci::IntelRdt& asked) {
    std::string out;
    auto add = [&out](const std::string& line) { out += line.empty() ? "" : line + "\n"; };
    add(asked.l3_cache_schema);
    add(asked.mem_bw_schema);
    for (const std::string& line : asked.schemata) add(line);
    return out;
}

bool monitors(const oci::IntelRdt& asked) {
    return asked.enable_monitoring || asked.enable_cmt || asked.enable_mbm;
}

// True if it was not there.
Result<bool> make_folder(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) == 0) return true;
    if (errno == EEXIST) return false;
    return fail_errno("mkdir " + path);
}

Result<> enter(const oci::IntelRdt& asked, const std::string& id, pid_t pid, ResctrlPlace& place) {
    const std::string number = std::to_string(pid);
    // "/" is the group of everybody who is in no other.
    place.group = asked.clos_id == "/" ? kTop : kTop + "/" + (asked.clos_id.empty() ? id : asked.clos_id);
    const std::string lines = lines_of(asked);
    if (!asked.clos_id.empty() && lines.empty() && !exists(place.group)) {
        return bad("clos dir " + place.group +
                   " must be pre-created when schemata, l3CacheSchema and memBwSchema are empty");
    }
    BERTH_TRY(bool fresh, make_folder(place.group));
    // One with a name of its own is somebody else's to remove: others may be in it.
    if (fresh && asked.clos_id.empty()) place.removed = place.group;
    BERTH_CHECK(write_file(place.group + "/tasks", number));
    if (monitors(asked)) {
        const std::string folder = place.group + "/mon_groups/" + id;
        BERTH_CHECK(make_folder(folder));
        if (place.removed.empty()) place.removed = folder;
        BERTH_CHECK(write_file(folder + "/tasks", number));
    }
    return lines.empty() ? Result<>() : write_file(place.group + "/schemata", lines);
}

}  // namespace

Result<> check_resctrl(const oci::IntelRdt& asked) {
    const std::string& name = asked.clos_id;
    if (!exists(kTop + "/schemata"))
        return bad("intelRdt is specified in config, but Intel RDT is not enabled");
    if (name == "." || name == ".." || (name != "/" && name.find('/') != name.npos))
        return bad("invalid intelRdt.ClosID \"" + name + "\"");
    if (!asked.l3_cache_schema.empty() && !has("L3") && !has("L3CODE"))
        return bad("intelRdt.l3CacheSchema is specified in config, but Intel RDT/CAT is not enabled");
    if (!asked.mem_bw_schema.empty() && !has("MB"))
        return bad("intelRdt.memBwSchema is specified in config, but Intel RDT/MBA is not enabled");
    if (monitors(asked) && !has("L3_MON"))
        return bad(
            "intelRdt.enableMonitoring is specified in config, but Intel RDT monitoring is not enabled");
    for (const std::string& line : asked.schemata) {
        if (line.find('\n') != line.npos) return bad("invalid intelRdt.schemata: a line break in a line");
    }
    return {};
}

Result<> enter_resctrl(const oci::IntelRdt& asked, const std::string& id, pid_t pid, ResctrlPlace& place) {
    return explained(enter(asked, id, pid, place));
}

Result<> update_resctrl(const ResctrlPlace& place, const oci::IntelRdt& asked) {
    BERTH_CHECK(check_resctrl(asked));
    if (place.group.empty()) return bad("the container was created without intelRdt");
    return explained(write_file(place.group + "/schemata", lines_of(asked)));
}

void leave_resctrl(const ResctrlPlace& place) {
    if (!place.removed.empty()) ::rmdir(place.removed.c_str());
}

}  // namespace berth::executor
