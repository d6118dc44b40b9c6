#include "volumes/folders.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/base/log.h"
#include "volumes/checks.h"
#include "volumes/record.h"

namespace berth::volumes {

namespace {

constexpr std::string_view kNew = ".new-";
constexpr std::string_view kGone = ".gone-";

Result<> sync_folder(const std::string& path) {
    BERTH_TRY(auto folder, open_file(path, O_RDONLY | O_DIRECTORY));
    if (fsync(folder.get()) != 0) return fail_errno("sync " + path);
    return {};
}

Result<> rename_folder(const std::string& from, const std::string& to) {
    if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0)
        return fail_errno("rename " + to);
    return {};
}

// The bytes are on their way to the disk when it returns; the folder's sync that follows waits for the
// journal, and so for everything before it, in one flush instead of one for each file and folder.
Result<> write_record(const std::string& path, const std::string& text) {
    BERTH_TRY(auto file, open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    BERTH_CHECK(write_all(file.get(), text));
    constexpr unsigned kWritten =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    if (sync_file_range(file.get(), 0, 0, kWritten) == 0) return {};
    // File systems without it.
    if (fdatasync(file.get()) != 0) return fail_errno("sync " + path);
    return {};
}

// What remains is swept when the service opens again.
void delete_tree(const std::string& path) {
    if (auto removed = remove_tree(path); !removed) {
        log::warning("cannot delete a volume's folder", {{"path", path}, {"error", removed.error().message}});
    }
}

}  // namespace

Result<Folders> Folders::open(std::string root, Owner owner) {
    BERTH_CHECK(make_folders(root, 0701));
    BERTH_TRY(const auto names, list_folder(root));
    for (const auto& name : names) {
        if (name.starts_with(kNew) || name.starts_with(kGone)) delete_tree(root + "/" + name);
    }
    return Folders(std::move(root), owner);
}

Result<std::vector<Volume>> Folders::load() const {
    std::vector<Volume> out;
    BERTH_TRY(const auto names, list_folder(root_));
    for (const auto& name : names) {
        if (!check_name(name)) continue;
        auto text = read_file(root_ + "/" + name + "/volume.json", 1 << 20);
        auto volume = text ? parse_record(*text) : Result<Volume>(Failure(std::move(text.error())));
        if (!volume || volume->name != name) {
            log::warning(
                "a folder among the volumes is none",
                {{"name", name}, {"error", volume ? "its record has another name" : volume.error().message}});
            continue;
        }
        if (volume->driver == "local") volume->mountpoint = mountpoint(name);
        out.push_back(std::move(*volume));
    }
    return out;
}

Result<> Folders::add(const Volume& volume, bool with_contents, const Prepare& prepare) {
    const std::string made = root_ + "/" + std::string(kNew) + random_hex(8);
    BERTH_CHECK(make_folders(made, 0701));
    auto fill = [&]() -> Result<> {
        if (with_contents) {
            BERTH_CHECK(make_folders(made + "/_data", 0755));
            // A folder that containers of any user write to: the daemon's umask has no say in it.
            if (chmod((made + "/_data").c_str(), 0755) != 0) return fail_errno("chmod " + made);
            if (chown((made + "/_data").c_str(), owner_.uid, owner_.gid) != 0)
                return fail_errno("chown " + made);
            if (prepare) BERTH_CHECK(prepare(made + "/_data"));
        }
        BERTH_CHECK(write_record(made + "/volume.json", render_record(volume)));
        BERTH_CHECK(rename_folder(made, root_ + "/" + volume.name));
        return sync_folder(root_);
    };
    auto filled = fill();
    if (!filled) delete_tree(made);
    return filled;
}

Result<> Folders::remove(const std::string& name) {
    const std::string gone = root_ + "/" + std::string(kGone) + random_hex(8);
    if (auto moved = rename_folder(root_ + "/" + name, gone); !moved) {
        if (moved.error().kind == ErrorKind::kNotFound) return {};
        return moved;
    }
    BERTH_CHECK(sync_folder(root_));
    delete_tree(gone);
    return {};
}

}  // namespace berth::volumes
