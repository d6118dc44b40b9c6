#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <ctime>

#include "engine/base/files.h"
#include "engine/base/ids.h"
#include "engine/content/content_store.h"

namespace berth::content {

namespace {

constexpr std::size_t kPiece = 256 << 10;

Result<> sync_folder(const std::string& path) {
    BERTH_TRY(UniqueFd folder, open_file(path, O_RDONLY | O_DIRECTORY));
    if (::fsync(folder.get()) != 0) return fail_errno("sync " + path);
    return {};
}

Failure missing(const Digest& digest) {
    return fail(ErrorKind::kNotFound, fmt::format("content digest {}: not found", digest.text()));
}

// Whether what is not committed stays for another try.
enum class Keep { kNo, kYes };

class FileIngest final : public Ingest {
 public:
    FileIngest(std::string path, std::string blobs, UniqueFd file, Keep keep = Keep::kNo)
        : path_(std::move(path)), blobs_(std::move(blobs)), file_(std::move(file)), keep_(keep) {}

    ~FileIngest() override {
        if (file_ && keep_ == Keep::kNo) ::unlink(path_.c_str());
    }

    // Also what an earlier ingest has left in the file.
    Result<> catch_up() override {
        std::string buffer(kPiece, '\0');
        for (;;) {
            const ssize_t got = ::read(file_.get(), buffer.data(), buffer.size());
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return fail_errno("read " + path_);
            if (got == 0) return {};
            hash_.update({buffer.data(), static_cast<std::size_t>(got)});
            size_ += static_cast<std::uint64_t>(got);
        }
    }

    Result<> write(std::string_view bytes) override {
        if (!file_) return fail(ErrorKind::kInternal, "ingest: written after commit");
        if (auto written = write_all(file_.get(), bytes); !written) {
            // Half a piece would be hashed as a whole one; and a full disk wants its room back.
            keep_ = Keep::kNo;
            return in("ingest", std::move(written));
        }
        hash_.update(bytes);
        size_ += bytes.size();
        return {};
    }

    std::uint64_t size() const override { return size_; }
    Result<UniqueFd> reader() override { return open_file(path_, O_RDONLY | O_NOFOLLOW); }

    Result<Digest> commit(const Digest* expected_digest, std::int64_t expected_size) override {
        if (!file_) return fail(ErrorKind::kInternal, "ingest: committed twice");
        Digest digest = hash_.finish();
        auto named = name(digest, expected_digest, expected_size);
        if (!named) ::unlink(path_.c_str());
        file_.reset();
        if (!named) return Failure(std::move(named.error()));
        return digest;
    }

 private:
    Result<> name(const Digest& digest, const Digest* expected_digest, std::int64_t expected_size) {
        if (expected_size >= 0 && size_ != static_cast<std::uint64_t>(expected_size)) {
            return fail(ErrorKind::kInvalidArgument,
                        fmt::format("unexpected commit size: expected {}, got {}", expected_size, size_));
        }
        if (expected_digest != nullptr && digest != *expected_digest) {
            return fail(ErrorKind::kInvalidArgument,
                        fmt::format("unexpected commit digest: expected {}, got {}", expected_digest->text(),
                                    digest.text()));
        }
        if (::fdatasync(file_.get()) != 0) return fail_errno("sync " + path_);
        std::string target = blobs_ + "/" + std::string(digest.hex());
        if (keep_ == Keep::kYes) {
            if (::link(path_.c_str(), target.c_str()) != 0 && errno != EEXIST)
                return fail_errno("name " + target);
            return sync_folder(blobs_);
        }
        // One that is there already has the same bytes: replacing it changes nothing for whoever has it open.
        if (::rename(path_.c_str(), target.c_str()) != 0) return fail_errno("name " + target);
        return sync_folder(blobs_);
    }

    std::string path_, blobs_;
    UniqueFd file_;
    Keep keep_;
    Sha256 hash_;
    std::uint64_t size_ = 0;
};

class FileStore final : public ContentStore {
 public:
    explicit FileStore(const std::string& root)
        : blobs_(root + "/blobs/sha256"), ingests_(root + "/ingest"), partials_(root + "/partial") {}

    Result<> open_folders() {
        // A crash leaves ingests that nobody will finish.
        BERTH_CHECK(remove_tree(ingests_));
        BERTH_CHECK(make_folders(blobs_, 0700));
        BERTH_CHECK(make_folders(partials_, 0700));
        BERTH_CHECK(remove_partials(std::chrono::hours(8)));
        return make_folders(ingests_, 0700);
    }

    Result<std::unique_ptr<Ingest>> resume(const Digest& expected) override {
        std::string path = partial_of(expected);
        BERTH_TRY(UniqueFd file, open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
        if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK) return fail_errno("lock " + path);
            return fail(ErrorKind::kConflict, "content " + expected.text() + " is being fetched already");
        }
        auto ingest = std::make_unique<FileIngest>(std::move(path), blobs_, std::move(file), Keep::kYes);
        BERTH_CHECK(ingest->catch_up());
        return std::unique_ptr<Ingest>(std::move(ingest));
    }

    Result<> drop_partial(const Digest& expected) override {
        const std::string path = partial_of(expected);
        if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
        return fail_errno("remove " + path);
    }

    Result<std::uint64_t> partial_bytes() override {
        BERTH_TRY(const auto names, list_folder(partials_));
        std::uint64_t total = 0;
        for (const std::string& name : names) {
            struct stat status{};
            const bool there = ::lstat((partials_ + "/" + name).c_str(), &status) == 0;
            if (there && status.st_nlink == 1) total += static_cast<std::uint64_t>(status.st_size);
        }
        return total;
    }

    Result<> drop_partials() override { return remove_partials(std::chrono::seconds(0)); }

    Result<std::unique_ptr<Ingest>> offer(const std::string& path) override {
        BERTH_TRY(UniqueFd file, open_file(path, O_RDONLY | O_NOFOLLOW));
        auto ingest = std::make_unique<FileIngest>(path, blobs_, std::move(file), Keep::kYes);
        BERTH_CHECK(ingest->catch_up());
        return std::unique_ptr<Ingest>(std::move(ingest));
    }

    Result<std::unique_ptr<Ingest>> ingest() override {
        std::string path = ingests_ + "/" + random_hex(16);
        BERTH_TRY(UniqueFd file, open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
        return std::unique_ptr<Ingest>(
            std::make_unique<FileIngest>(std::move(path), blobs_, std::move(file)));
    }

    Result<UniqueFd> open(const Digest& digest) override {
        auto file = open_file(path_of(digest), O_RDONLY | O_NOFOLLOW);
        if (!file && file.error().sys_errno == ENOENT) return missing(digest);
        return file;
    }

    Result<std::string> read(const Digest& digest, std::size_t limit) override {
        BERTH_TRY(UniqueFd file, open(digest));
        return in("content " + digest.text(), read_all(file.get(), limit));
    }

    Result<std::uint64_t> size(const Digest& digest) override {
        struct stat status{};
        if (::lstat(path_of(digest).c_str(), &status) == 0) return static_cast<std::uint64_t>(status.st_size);
        if (errno == ENOENT) return missing(digest);
        return fail_errno("stat " + path_of(digest));
    }

    bool has(const Digest& digest) override { return exists(path_of(digest)); }

    Result<> remove(const Digest& digest) override {
        if (::unlink(path_of(digest).c_str()) == 0 || errno == ENOENT) return {};
        return fail_errno("remove " + path_of(digest));
    }

    Result<std::vector<Digest>> list() override {
        BERTH_TRY(auto names, list_folder(blobs_));
        std::vector<Digest> digests;
        for (const std::string& name : names) {
            if (auto digest = Digest::parse("sha256:" + name)) digests.push_back(std::move(*digest));
        }
        return digests;
    }

 private:
    // Those that are open are somebody's.
    Result<> remove_partials(std::chrono::seconds age) {
        BERTH_TRY(const auto names, list_folder(partials_));
        for (const std::string& name : names) {
            const std::string path = partials_ + "/" + name;
            auto file = open_file(path, O_RDONLY | O_NOFOLLOW);
            struct stat status{};
            if (!file || ::fstat(file->get(), &status) != 0) continue;
            if (status.st_mtime + age.count() > ::time(nullptr)) continue;
            if (::flock(file->get(), LOCK_EX | LOCK_NB) == 0) ::unlink(path.c_str());
        }
        return {};
    }

    std::string partial_of(const Digest& digest) const { return partials_ + "/" + std::string(digest.hex()); }
    std::string path_of(const Digest& digest) const { return blobs_ + "/" + std::string(digest.hex()); }

    std::string blobs_, ingests_, partials_;
};

}  // namespace

Result<std::unique_ptr<ContentStore>> open_content_store(const std::string& root) {
    auto store = std::make_unique<FileStore>(root);
    BERTH_CHECK(in("content store", store->open_folders()));
    return std::unique_ptr<ContentStore>(std::move(store));
}

}  // namespace berth::content
