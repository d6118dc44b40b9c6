// berth-helper TASK [ARGUMENT…]: one task on the descriptors of wire.h, then the result. Those of
// helper_files.h and mount_at.h, each with the word of owner.h in front where files belong to a user
// namespace, and:
//
// unpack [PARENT…]: stdin is a layer, the target an empty folder; PARENT are the folders of the layers below
// it, topmost first.
//
// unpack-growing [PARENT…]: the same with stdin a file that is being written; kSourceFd tells how far.
//
// unpack-growing-alone: the same while the layers below are not there.
//
// extract MEMBERS BYTES FRAMING: stdin is an archive, framed as HelperInput says, the target an empty folder;
// the two limits.
//
// recompress BYTES: stdin is compressed in whatever way; the target gets it as a gzip file, "0", of no more
// than so many bytes.
//
// copy: kSourceFd's tree into the target.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <optional>
#include <span>
#include <string_view>

#include "engine/archive/decompress.h"
#include "engine/archive/flat_extractor.h"
#include "engine/archive/gzip.h"
#include "engine/archive/layer_applier.h"
#include "engine/archive/tree_copier.h"
#include "engine/base/files.h"
#include "engine/confine/caller_watch.h"
#include "engine/confine/enclosure.h"
#include "engine/confine/helper_files.h"
#include "engine/confine/helper_streams.h"
#include "engine/confine/mount_at.h"
#include "engine/confine/owner.h"
#include "engine/confine/wire.h"

namespace {

using namespace berth;
using namespace berth::confine;

std::string done(const std::string& digest, std::uint64_t bytes, std::uint64_t entries) {
    return encode_record({"done", digest, std::to_string(bytes), std::to_string(entries)});
}

struct UnpackTask {
    bool growing, alone;
};

std::optional<UnpackTask> unpack_task(std::string_view task) {
    if (task == "unpack") return UnpackTask{false, false};
    if (task == "unpack-growing") return UnpackTask{true, false};
    if (task == "unpack-growing-alone") return UnpackTask{true, true};
    return std::nullopt;
}

Result<std::string> unpack(UnpackTask task, std::vector<int> below, const IdMaps& ids) {
    archive::FdSource whole(STDIN_FILENO);
    archive::GrowingSource growing(STDIN_FILENO, kSourceFd);
    archive::ByteSource& input = task.growing ? static_cast<archive::ByteSource&>(growing) : whole;
    archive::Compression compression{};
    BERTH_TRY(auto plain, archive::decompress(input, &compression));
    archive::HashingSource hashed(*plain);
    // What is not compressed has its own digest, which the caller knows.
    const bool own = compression == archive::Compression::kNone;
    archive::TarReader reader(own ? *plain : hashed);
    archive::LayerApplier applier(kTargetFd, std::move(below));
    if (task.alone) applier.without_parents();
    applier.map_ids(ids);
    BERTH_CHECK(applier.apply(reader));
    std::string digest;
    if (!own) {
        BERTH_TRY(const Digest hash, hashed.finish());
        digest = hash.text();
    }
    const std::string root = applier.names_root() ? encode_record({"root"}) : "";
    return root + done(digest, 0, applier.entries());
}

// Tells of the files as they come.
class Teller final : public archive::FlatWatcher {
 public:
    Result<> begun(const archive::FlatFile& file) override {
        return tell({"begun", file.name, file.file, std::to_string(file.size)});
    }
    Result<> grown(const archive::FlatFile& file, std::uint64_t bytes) override {
        return tell({"grown", file.file, std::to_string(bytes)});
    }
    Result<> ended(const archive::FlatFile& file) override { return tell({"ended", file.file}); }

 private:
    static Result<> tell(const Fields& fields) { return write_all(kResultFd, encode_record(fields)); }
};

Result<std::string> extract(char* const* arguments) {
    const archive::FlatLimits limits{std::strtoull(arguments[0], nullptr, 10),
                                     std::strtoull(arguments[1], nullptr, 10)};
    BERTH_TRY(auto input, HelperInput::open(arguments[2]));
    BERTH_TRY(auto plain, archive::decompress(input->source()));
    archive::TarReader reader(*plain);
    Teller teller;
    BERTH_TRY(const auto files, archive::extract_flat(reader, kTargetFd, limits, teller));
    // A client that is still sending must be heard out.
    BERTH_CHECK(archive::read_to_end(*plain));
    BERTH_CHECK(archive::read_to_end(input->source()));
    std::string out;
    for (const archive::FlatFile& file : files)
        out += encode_record({"member", file.name, file.file, std::to_string(file.size)});
    return out + done("", input->beyond(), files.size());
}

Result<std::string> recompress(std::uint64_t limit) {
    UniqueFd out(::openat(kTargetFd, "0", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!out) return fail_errno("open");
    archive::FdSource input(STDIN_FILENO);
    BERTH_TRY(auto plain, archive::decompress(input));
    archive::Gzip gzip([&](std::string_view bytes) { return write_all(out.get(), bytes); });
    for (std::uint64_t total = 0;;) {
        BERTH_TRY(const std::string_view piece, plain->next());
        if (piece.empty()) break;
        total += piece.size();
        if (total > limit) return fail(ErrorKind::kInvalidArgument, "the archive is too large");
        BERTH_CHECK(gzip.write(piece));
    }
    BERTH_CHECK(gzip.finish());
    return done("", 0, 1);
}

Result<std::string> copy() {
    archive::TreeCopier copier(kTargetFd);
    copier.on_progress([](std::uint64_t bytes, std::uint64_t entries) {
        return write_all(kResultFd,
                         encode_record({"progress", std::to_string(bytes), std::to_string(entries)}));
    });
    BERTH_CHECK(copier.copy(kSourceFd));
    if (::syncfs(kTargetFd) != 0) return fail_errno("sync");
    return done("", copier.bytes(), copier.entries());
}

// Before the task: whose files they are.
Result<IdMaps> take_ids(int& argc, char**& argv) {
    const std::string_view first = argc > 1 ? argv[1] : "";
    if (!first.starts_with(kIdsWord)) return IdMaps();
    ++argv;
    --argc;
    BERTH_TRY(IdMaps ids, IdMaps::parse(first.substr(kIdsWord.size())));
    BERTH_CHECK(make_files_as(ids.root()));
    return ids;
}

Result<std::string> run(int argc, char** argv, const IdMaps& ids) {
    std::span<char* const> arguments(argv + 1, static_cast<std::size_t>(std::max(argc, 1) - 1));
    if (is_file_task(arguments)) return run_file_task(arguments, ids);
    if (is_mount_task(arguments)) return run_mount_task(arguments);
    std::string_view task = argc > 1 ? argv[1] : "";
    std::vector<UniqueFd> parents;
    std::vector<int> readable;
    const auto unpacking = unpack_task(task);
    for (int i = 2; unpacking && i < argc; ++i) {
        BERTH_TRY(UniqueFd parent, clone_folder(argv[i]));
        readable.push_back(parent.get());
        parents.push_back(std::move(parent));
    }
    if (task == "copy") readable.push_back(kSourceFd);
    BERTH_CHECK(in("shut the helper in", enter_enclosure(kTargetFd, readable)));
    if (unpacking) return unpack(*unpacking, std::move(readable), ids);
    if (task == "extract" && argc == 5) return extract(argv + 2);
    if (task == "recompress" && argc == 3) return recompress(std::strtoull(argv[2], nullptr, 10));
    if (task == "copy" && argc == 2) return copy();
    return fail(ErrorKind::kInternal, "berth-helper: unknown task");
}

}  // namespace

int main(int argc, char** argv) {
    const auto ids = take_ids(argc, argv);
    std::span<char* const> arguments(argv + 1, static_cast<std::size_t>(std::max(argc, 1) - 1));
    // Whoever started this wants the result; without him there is nothing to do. The signal comes when the
    // thread ends that did it, and who waits for a layer that is being fetched, or for a container's files,
    // is another one: there a socket tells.
    if (is_file_task(arguments)) {
        end_with_caller();
    } else if (argc < 2 || !std::string_view(argv[1]).starts_with("unpack-growing")) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    ::prctl(PR_SET_DUMPABLE, 0);
    ::umask(0);
    Result<std::string> result;
    try {
        result = ids ? run(argc, argv, *ids) : Result<std::string>(Failure(ids.error()));
    } catch (const std::bad_alloc&) {
        // The limit on memory is what ends some bombs.
        result = fail(ErrorKind::kInvalidArgument, "the archive takes too much memory");
    }
    std::string out = result ? *result : encode_error(result.error());
    (void)write_all(kResultFd, out).has_value();
    return result ? 0 : 1;
}
