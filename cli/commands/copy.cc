#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "cli/commands/copy_paths.h"
#include "cli/commands/files.h"
#include "cli/output/units.h"
#include "cli/term/terminal.h"
#include "engine/archive/tree_archiver.h"
#include "engine/archive/tree_extractor.h"
#include "engine/base/base64.h"
#include "engine/base/files.h"
#include "engine/http/url.h"

namespace berth::cli {

namespace {

struct Copy {
    std::string container, source, target;
    bool follow = false, keep_owner = false, quiet = false;
};

constexpr std::uint32_t kFolderBit = 1U << 31, kLinkBit = 1U << 27;

struct RemoteStat {
    std::uint32_t mode = 0;
    std::string link;
    bool is_folder() const { return (mode & kFolderBit) != 0; }
};

std::string archive_target(const Copy& copy, const std::string& path) {
    return fmt::format("/containers/{}/archive?path={}", http::encode_form(copy.container),
                       http::encode_form(path));
}

Result<RemoteStat> stat_remote(Engine& engine, const Copy& copy, const std::string& path) {
    BERTH_TRY(http::Headers headers, engine.head(archive_target(copy, path)));
    BERTH_TRY(std::string text, from_base64(headers.get("X-Docker-Container-Path-Stat")));
    Json stat = Json::parse(text, nullptr, false);
    if (!stat.is_object()) return fail(ErrorKind::kInternal, "the daemon did not say what " + path + " is");
    return RemoteStat{static_cast<std::uint32_t>(number_of(stat, "mode")), text_of(stat, "linkTarget")};
}

// Absolute, with a "/" or "/." at its end kept.
std::string local_path(const std::string& path) {
    if (path.starts_with('/')) return path;
    char folder[PATH_MAX];
    return ::getcwd(folder, sizeof folder) ? std::string(folder) + "/" + path : path;
}

CopyEnd stat_local(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return {path, false, false};
    return {path, true, S_ISDIR(status.st_mode)};
}

void summary(const Copy& copy, std::uint64_t bytes, const std::string& target) {
    if (copy.quiet) return;
    warn(fmt::format("Successfully copied {} to {}\n", human_size(static_cast<double>(bytes)), target));
}

// Counts what goes by.
class Counted : public archive::ByteSource {
 public:
    explicit Counted(archive::ByteSource& inner) : inner_(inner) {}
    Result<std::string_view> next() override {
        BERTH_TRY(std::string_view piece, inner_.next());
        bytes_ += piece.size();
        return piece;
    }
    std::uint64_t bytes() const { return bytes_; }

 private:
    archive::ByteSource& inner_;
    std::uint64_t bytes_ = 0;
};

Result<> unpack(archive::ByteSource& tar, const std::string& folder,
                const std::pair<std::string, std::string>& rename) {
    BERTH_TRY(UniqueFd root, open_file(folder, O_RDONLY | O_DIRECTORY));
    archive::ExtractOptions options;
    options.keep_kinds = true;
    options.rename = rename;
    // What comes out of a container belongs to who fetched it.
    options.owner = {::geteuid(), ::getegid()};
    archive::TarReader reader(tar);
    archive::TreeExtractor extractor(root.get(), "", options);
    return extractor.extract(reader);
}

// All of it: an answer that breaks off is told only at its end.
Result<> drain(archive::ByteSource& source) {
    for (;;) {
        BERTH_TRY(std::string_view piece, source.next());
        if (piece.empty()) return {};
    }
}

Result<> fetch(Engine& engine, const Copy& copy, std::string path, std::string first_name) {
    const std::string local = local_path(copy.target);
    auto known = stat_remote(engine, copy, path);
    CopyEnd source{path, true, known && known->is_folder()};
    BERTH_TRY(CopyPlan plan, plan_copy(source, stat_local(local)));
    std::string came = split_path(path).second;
    std::pair<std::string, std::string> rename;
    if (came != "." && came != "/") rename = {came, plan.name.empty() ? first_name : plan.name};
    if (rename.second.empty()) rename.first.clear();
    // "." becomes the folder that is to be made.
    std::string folder = plan.folder;
    if (came == "." && !plan.name.empty()) {
        folder += "/" + plan.name;
        BERTH_CHECK(make_folders(folder, 0755));
    }
    std::uint64_t bytes = 0;
    BERTH_CHECK(engine.download(archive_target(copy, path), [&](archive::ByteSource& body) -> Result<> {
        Counted tar(body);
        BERTH_CHECK(unpack(tar, folder, rename));
        BERTH_CHECK(drain(tar));
        bytes = tar.bytes();
        return {};
    }));
    summary(copy, bytes, local);
    return {};
}

Result<> copy_out(Engine& engine, const Copy& copy) {
    std::string path = copy.source, name;
    if (copy.follow) {
        auto known = stat_remote(engine, copy, path);
        if (known && (known->mode & kLinkBit) != 0) {
            name = split_path(path).second;
            path = known->link;
        }
    }
    if (copy.target != "-") return fetch(engine, copy, path, name);
    if (is_terminal(STDOUT_FILENO))
        return fail(ErrorKind::kInvalidArgument, "refusing to copy binary data to a terminal");
    return engine.download(archive_target(copy, path), write_to(STDOUT_FILENO));
}

Result<> send(Engine& engine, const Copy& copy, const std::string& folder, Engine::Fill fill) {
    http::Headers headers;
    headers.set("Content-Type", "application/x-tar");
    std::string target = archive_target(copy, folder) + "&noOverwriteDirNonDir=true";
    if (copy.keep_owner) target += "&copyUIDGID=true";
    return engine.upload("PUT", target, headers, std::move(fill),
                         [](std::string_view) { return Result<>(); });
}

// The target in the container, a link at its end followed.
CopyEnd remote_end(Engine& engine, const Copy& copy) {
    CopyEnd end{copy.target, false, false};
    auto known = stat_remote(engine, copy, end.path);
    if (known && (known->mode & kLinkBit) != 0) {
        end.path = known->link;
        known = stat_remote(engine, copy, end.path);
    }
    // An engine that does not answer, or a path that is not there: sending will tell.
    end.exists = known.has_value();
    end.is_folder = known && known->is_folder();
    return end;
}

Result<std::uint64_t> pack(const std::string& path, const std::string& as, archive::ByteSink& body) {
    auto [folder, name] = split_path(path);
    if (name == ".") folder = path.substr(0, path.size() - 1);
    BERTH_TRY(UniqueFd where, open_file(folder, O_RDONLY | O_DIRECTORY));
    archive::TarWriter out(body);
    archive::TreeArchiver archiver(out);
    BERTH_CHECK(archiver.add(where.get(), name == "/" ? "." : name, as));
    BERTH_CHECK(out.finish());
    return out.bytes();
}

Result<> send_files(Engine& engine, const Copy& copy, const CopyEnd& target) {
    std::string path = local_path(copy.source), name = split_path(path).second;
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) return fail_errno("lstat " + path);
    if (copy.follow && S_ISLNK(status.st_mode)) {
        char resolved[PATH_MAX];
        if (!::realpath(path.c_str(), resolved)) return fail_errno("readlink " + path);
        path = resolved;
    }
    if (path.ends_with('/') && !S_ISDIR(status.st_mode))
        return fail(ErrorKind::kInvalidArgument, "not a directory");
    CopyEnd source{path, true, stat_local(path).is_folder && (copy.follow || !S_ISLNK(status.st_mode))};
    BERTH_TRY(CopyPlan plan, plan_copy(source, target));
    std::uint64_t bytes = 0;
    auto fill = [&](archive::ByteSink& body) -> Result<> {
        BERTH_TRY(bytes, pack(path, plan.name.empty() ? name : plan.name, body));
        return {};
    };
    BERTH_CHECK(send(engine, copy, plan.folder, fill));
    summary(copy, bytes, copy.container + ":" + target.path);
    return {};
}

Result<> copy_in(Engine& engine, const Copy& copy) {
    CopyEnd target = remote_end(engine, copy);
    if (copy.source != "-") return send_files(engine, copy, target);
    if (!target.is_folder)
        return fail(ErrorKind::kInvalidArgument,
                    fmt::format("destination \"{}:{}\" must be a directory", copy.container, copy.target));
    return send(engine, copy, target.path, Engine::file_body(STDIN_FILENO));
}

}  // namespace

int cp_command(Invocation& invocation, const Arguments& arguments) {
    Copy copy;
    Flags flags(
        "cp [OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tdocker cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
        "Copy files/folders between a container and the local filesystem");
    flags.toggle("follow-link,L", &copy.follow, "Always follow symlinks in SRC_PATH");
    flags.toggle("archive,a", &copy.keep_owner, "Archive mode (copy all uid/gid information)");
    flags.toggle("quiet,q", &copy.quiet,
                 "Suppress progress output during copy. Progress output is automatically suppressed if no "
                 "terminal is attached");
    Arguments names;
    int status = 0;
    if (!invocation.parse(flags, arguments, 2, 2, names, status)) return status;
    auto refuse = [&](const char* text) { return invocation.failed({ErrorKind::kInvalidArgument, text}); };
    if (names[0].empty()) return refuse("source can not be empty");
    if (names[1].empty()) return refuse("destination can not be empty");
    if (!flags.changed("quiet")) copy.quiet = !is_terminal(STDOUT_FILENO);
    auto [from, source] = split_copy_argument(names[0]);
    auto [to, target] = split_copy_argument(names[1]);
    if (!from.empty() && !to.empty()) return refuse("copying between containers is not supported");
    if (from.empty() && to.empty()) return refuse("must specify at least one container source");
    copy.container = from.empty() ? to : from;
    copy.source = source;
    copy.target = target;
    auto engine = invocation.engine();
    if (!engine) return invocation.failed(engine.error());
    auto done = from.empty() ? copy_in(**engine, copy) : copy_out(**engine, copy);
    return done ? 0 : invocation.failed(done.error());
}

}  // namespace berth::cli
