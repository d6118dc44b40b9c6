#include "engine/archive/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

namespace berth::archive {

struct TarReader::Impl {
    explicit Impl(ByteSource& source) : source(source) {}
    ~Impl() { ::archive_read_free(reader); }

    // Reads ahead one piece, to tell an empty input from a damaged one.
    Result<> open();
    Failure failure() const;

    ByteSource& source;
    ::archive* reader = nullptr;
    ::archive_entry* entry = nullptr;
    Result<> source_error;
    std::string head;
    bool head_given = false;
    bool empty = false;
    std::uint64_t given = 0;
    bool source_ended = false;
};

namespace {

Failure bad(std::string message) { return fail(ErrorKind::kInvalidArgument, std::move(message)); }

la_ssize_t feed(::archive*, void* data, const void** buffer) {
    auto* impl = static_cast<TarReader::Impl*>(data);
    if (!impl->head_given) {
        impl->head_given = true;
        *buffer = impl->head.data();
        impl->given += impl->head.size();
        return static_cast<la_ssize_t>(impl->head.size());
    }
    auto piece = impl->source.next();
    if (!piece) {
        impl->source_error = Failure(std::move(piece.error()));
        return -1;
    }
    impl->source_ended = piece->empty();
    impl->given += piece->size();
    *buffer = piece->data();
    return static_cast<la_ssize_t>(piece->size());
}

TarEntry::Type type_of(::archive_entry* entry) {
    if (::archive_entry_hardlink(entry) != nullptr) return TarEntry::Type::kHardLink;
    switch (::archive_entry_filetype(entry)) {
        case AE_IFREG: return TarEntry::Type::kFile;
        case AE_IFDIR: return TarEntry::Type::kFolder;
        case AE_IFLNK: return TarEntry::Type::kSymlink;
        case AE_IFCHR: return TarEntry::Type::kCharDevice;
        case AE_IFBLK: return TarEntry::Type::kBlockDevice;
        case AE_IFIFO: return TarEntry::Type::kFifo;
        default: return TarEntry::Type::kOther;
    }
}

std::string text(const char* value) { return value != nullptr ? value : ""; }

void read_xattrs(::archive_entry* from, TarEntry& to) {
    to.xattrs.clear();
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    ::archive_entry_xattr_reset(from);
    while (::archive_entry_xattr_next(from, &name, &value, &size) == ARCHIVE_OK) {
        to.xattrs.emplace_back(text(name), std::string(static_cast<const char*>(value), size));
    }
}

}  // namespace

Failure TarReader::Impl::failure() const {
    if (!source_error) return Failure(source_error.error());
    std::string why = text(::archive_error_string(reader));
    bool cut = why.find("runcated") != why.npos || why.find("end of file") != why.npos;
    if (cut && source_ended) return bad("unexpected EOF");
    return bad("archive/tar: invalid tar header");
}

Result<> TarReader::Impl::open() {
    while (head.size() < 512) {
        BERTH_TRY(std::string_view piece, source.next());
        if (piece.empty()) break;
        head += piece;
    }
    empty = head.empty();
    if (empty) return {};
    if (head.size() < 512) return bad("unexpected EOF");
    reader = ::archive_read_new();
    if (reader == nullptr) return fail(ErrorKind::kInternal, "archive: out of memory");
    ::archive_read_support_filter_none(reader);
    ::archive_read_support_format_tar(reader);
    // Names stay the bytes they are: no locale, no conversion.
    ::archive_read_set_format_option(reader, "tar", "hdrcharset", "BINARY");
    if (::archive_read_open(reader, this, nullptr, feed, nullptr) == ARCHIVE_OK) return {};
    // Nothing but zeros is an archive without entries, which libarchive does not recognise as a tar.
    if (std::all_of(head.begin(), head.end(), [](char c) { return c == 0; })) {
        empty = true;
        return {};
    }
    return failure();
}

TarReader::TarReader(ByteSource& source) : impl_(std::make_unique<Impl>(source)) {}
TarReader::~TarReader() = default;

Result<bool> TarReader::next(TarEntry& entry) {
    if (impl_->reader == nullptr && !impl_->empty) BERTH_CHECK(impl_->open());
    if (impl_->empty) return false;
    int state = ::archive_read_next_header(impl_->reader, &impl_->entry);
    if (state == ARCHIVE_EOF) {
        if (!impl_->source_error) return Failure(impl_->source_error.error());
        return false;
    }
    if (state != ARCHIVE_OK && state != ARCHIVE_WARN) return impl_->failure();
    ::archive_entry* from = impl_->entry;
    entry.path = text(::archive_entry_pathname(from));
    entry.type = type_of(from);
    entry.link = entry.type == TarEntry::Type::kHardLink ? text(::archive_entry_hardlink(from))
                                                         : text(::archive_entry_symlink(from));
    entry.mode = ::archive_entry_mode(from) & 07777;
    entry.uid = static_cast<uid_t>(::archive_entry_uid(from));
    entry.gid = static_cast<gid_t>(::archive_entry_gid(from));
    entry.size = static_cast<std::uint64_t>(std::max<la_int64_t>(0, ::archive_entry_size(from)));
    entry.mtime = {::archive_entry_mtime(from), ::archive_entry_mtime_nsec(from)};
    entry.device = makedev(::archive_entry_rdevmajor(from), ::archive_entry_rdevminor(from));
    read_xattrs(from, entry);
    return true;
}

Result<> TarReader::content(const Block& block) {
    while (true) {
        const void* data = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        int state = ::archive_read_data_block(impl_->reader, &data, &size, &offset);
        if (state == ARCHIVE_EOF) return {};
        if (state != ARCHIVE_OK) return impl_->failure();
        BERTH_CHECK(block(static_cast<std::uint64_t>(offset), {static_cast<const char*>(data), size}));
    }
}

std::string clean_path(std::string_view path) {
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        std::string_view part = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(path.size(), part.size() + 1));
        if (part == "..") {
            if (!parts.empty()) parts.pop_back();
        } else if (!part.empty() && part != ".") {
            parts.push_back(part);
        }
    }
    std::string out;
    for (std::string_view part : parts) {
        if (!out.empty()) out += '/';
        out += part;
    }
    return out;
}

}  // namespace berth::archive
