#include "engine/archive/tar_reader.h"

#include <algorithm>
#include <vector>

#include "engine/archive/pax.h"
#include "engine/archive/tar_header.h"
#include "engine/base/clean_path.h"

namespace berth::archive {

namespace {

constexpr std::int64_t kMaxSpecial = 1 << 20;

Failure unexpected_end() {
    return fail(ErrorKind::kInvalidArgument, "unexpected EOF");
}

std::uint64_t padding_of(std::uint64_t size) {
    return (kBlock - size % kBlock) % kBlock;
}

bool is_zero(std::string_view block) {
    return block.find_first_not_of('\0') == block.npos;
}

// Ascending, without overlap, inside the file, and exactly as long as what is stored.
bool extents_fit(const std::vector<Extent>& extents, std::uint64_t size, std::uint64_t stored) {
    std::uint64_t end = 0, sum = 0;
    for (const Extent& extent : extents) {
        if (extent.offset < end || __builtin_add_overflow(extent.offset, extent.length, &end)) return false;
        sum += extent.length;
    }
    return end <= size && sum == stored;
}

// -1 means "leave it" to chown, and larger numbers would wrap.
bool owner_fits(std::int64_t id) {
    return id >= 0 && id <= 0xfffffffe;
}

}  // namespace

struct TarReader::Impl {
    explicit Impl(ByteSource& source) : source(source) {}

    Result<> refill();
    Result<bool> take_block();
    Result<std::string> take_special(std::int64_t size);
    Result<> skip(std::uint64_t count);
    Result<> begin_file(Header& header, const PaxRecords& pax);
    Result<bool> find_extents(Header& header, const PaxRecords& pax);
    Result<> old_gnu_extents();
    Result<> gnu_1_0_extents();
    Result<bool> next_header(Header& header);

    ByteSource& source;
    std::string_view piece;  // what the source gave and nobody has taken
    bool source_ended = false, archive_ended = false;
    std::string block = std::string(kBlock, '\0');  // the block taken last
    std::uint64_t stored = 0, padding = 0;          // of the payload at hand: what is left
    std::vector<Extent> extents;                    // of the payload at hand: where it goes
};

Result<> TarReader::Impl::refill() {
    if (!piece.empty() || source_ended) return {};
    BERTH_TRY(piece, source.next());
    source_ended = piece.empty();
    return {};
}

// The next block into `block`. False when the input ends where one would begin.
Result<bool> TarReader::Impl::take_block() {
    BERTH_CHECK(refill());
    if (piece.empty()) return false;
    for (std::size_t have = 0; have < kBlock;) {
        BERTH_CHECK(refill());
        if (piece.empty()) return unexpected_end();
        std::size_t step = std::min(kBlock - have, piece.size());
        piece.copy(block.data() + have, step);
        piece.remove_prefix(step);
        have += step;
    }
    return true;
}

Result<> TarReader::Impl::skip(std::uint64_t count) {
    while (count > 0) {
        BERTH_CHECK(refill());
        if (piece.empty()) return unexpected_end();
        auto step = static_cast<std::size_t>(std::min<std::uint64_t>(count, piece.size()));
        piece.remove_prefix(step);
        count -= step;
    }
    return {};
}

Result<std::string> TarReader::Impl::take_special(std::int64_t size) {
    if (size > kMaxSpecial) return invalid_header();
    std::string text;
    while (text.size() < static_cast<std::size_t>(size)) {
        BERTH_TRY(bool there, take_block());
        if (!there) return unexpected_end();
        text += block;
    }
    text.resize(static_cast<std::size_t>(size));
    return text;
}

// The next header that is an entry's, with what its extensions say; false at the end of the archive.
Result<bool> TarReader::Impl::next_header(Header& header) {
    std::string long_path, long_link;
    PaxRecords pax;
    while (true) {
        BERTH_TRY(bool there, take_block());
        if (there && is_zero(block)) {
            BERTH_TRY(there, take_block());
            if (there && !is_zero(block)) return invalid_header();
            there = false;
        }
        if (!there) return false;
        BERTH_TRY(header, parse_header(block));
        char type = header.raw_type;
        if (type != 'x' && type != 'g' && type != 'L' && type != 'K') break;
        BERTH_TRY(std::string text, take_special(header.stored));
        if (type == 'L') long_path = text.c_str();
        if (type == 'K') long_link = text.c_str();
        if (type == 'L' || type == 'K') continue;
        BERTH_TRY(PaxRecords records, parse_pax(text));
        // Global records ('g') say nothing that a layer means; they must be well-formed all the same.
        if (type == 'x') pax = std::move(records);
    }
    if (!long_path.empty()) header.entry.path = long_path;
    if (!long_link.empty()) header.entry.link = long_link;
    BERTH_CHECK(apply_pax(pax, header));
    if (!owner_fits(header.uid) || !owner_fits(header.gid)) return invalid_header();
    header.entry.uid = static_cast<uid_t>(header.uid);
    header.entry.gid = static_cast<gid_t>(header.gid);
    if (header.entry.path.find('\0') != std::string::npos) return invalid_header();
    BERTH_CHECK(begin_file(header, pax));
    return true;
}

Result<> TarReader::Impl::begin_file(Header& header, const PaxRecords& pax) {
    // Only files have a payload, whatever the size field of the others says. Unknown types may have one.
    auto type = header.entry.type;
    bool payload = type == TarEntry::Type::kFile || type == TarEntry::Type::kOther;
    stored = payload ? static_cast<std::uint64_t>(header.stored) : 0;
    padding = padding_of(stored);
    header.entry.size = stored;
    extents = {{0, stored}};
    if (!payload) return {};
    BERTH_TRY(bool sparse, find_extents(header, pax));
    if (sparse && !extents_fit(extents, header.entry.size, stored)) return invalid_header();
    return {};
}

// Fills in `extents` and the real size and name of a sparse file.
Result<bool> TarReader::Impl::find_extents(Header& header, const PaxRecords& pax) {
    std::int64_t size = 0;
    if (header.raw_type == 'S') {
        if (!header.gnu) return invalid_header();
        BERTH_TRY(size, parse_number(std::string_view(block).substr(483, 12)));
        BERTH_CHECK(old_gnu_extents());
    } else {
        bool one_zero = pax.find("GNU.sparse.major") == "1" && pax.find("GNU.sparse.minor") == "0";
        std::string_view map = pax.find("GNU.sparse.map");
        if (map.empty()) map = pax.sparse_map;
        if (!one_zero && map.empty() && pax.find("GNU.sparse.numblocks").empty()) return false;
        if (auto name = pax.find("GNU.sparse.name"); !name.empty()) header.entry.path = name;
        std::string_view text = pax.find("GNU.sparse.realsize");
        if (text.empty()) text = pax.find("GNU.sparse.size");
        BERTH_TRY(size, parse_decimal(text));
        if (one_zero) {
            BERTH_CHECK(gnu_1_0_extents());
        } else {
            BERTH_TRY(extents, parse_extents(map, ','));
        }
    }
    if (size < 0) return invalid_header();
    header.entry.size = static_cast<std::uint64_t>(size);
    return true;
}

// Four extents in the header block, then blocks of 21 while byte 504 says that there are more.
Result<> TarReader::Impl::old_gnu_extents() {
    extents.clear();
    std::size_t begin = 386, count = 4, more = 482;
    for (std::int64_t read = 0;; read += kBlock) {
        for (std::size_t i = 0; i < count; ++i) {
            std::string_view field = std::string_view(block).substr(begin + 24 * i, 24);
            if (field[0] == '\0') break;
            BERTH_TRY(std::int64_t offset, parse_number(field.substr(0, 12)));
            BERTH_TRY(std::int64_t length, parse_number(field.substr(12)));
            if (offset < 0 || length < 0) return invalid_header();
            extents.push_back({static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(length)});
        }
        if (block[more] == '\0') return {};
        if (read > kMaxSpecial) return invalid_header();
        BERTH_TRY(bool there, take_block());
        if (!there) return unexpected_end();
        begin = 0;
        count = 21;
        more = 504;
    }
}

// Lines of decimal numbers in front of the data, padded to whole blocks: how many, then offset and length in
// turn.
Result<> TarReader::Impl::gnu_1_0_extents() {
    std::string text;
    std::uint64_t lines = 0, wanted = 1;
    while (lines < wanted) {
        if (stored < kBlock || text.size() > kMaxSpecial) return invalid_header();
        BERTH_TRY(bool there, take_block());
        if (!there) return unexpected_end();
        stored -= kBlock;
        lines += static_cast<std::uint64_t>(std::count(block.begin(), block.end(), '\n'));
        text += block;
        if (wanted > 1 || lines == 0) continue;
        BERTH_TRY(std::int64_t count, parse_decimal(std::string_view(text).substr(0, text.find('\n'))));
        if (count < 0 || count > kMaxSpecial) return invalid_header();
        wanted = 1 + 2 * static_cast<std::uint64_t>(count);
    }
    std::size_t begin = text.find('\n') + 1, end = begin;
    for (std::uint64_t line = 1; line < wanted; ++line) end = text.find('\n', end) + 1;
    BERTH_TRY(extents, parse_extents(std::string_view(text).substr(begin, end - begin), '\n'));
    return {};
}

TarReader::TarReader(ByteSource& source) : impl_(std::make_unique<Impl>(source)) {}
TarReader::~TarReader() = default;

Result<bool> TarReader::next(TarEntry& entry) {
    if (impl_->archive_ended) return false;
    BERTH_CHECK(impl_->skip(impl_->stored));
    BERTH_CHECK(impl_->skip(impl_->padding));
    impl_->stored = impl_->padding = 0;
    Header header;
    BERTH_TRY(bool there, impl_->next_header(header));
    impl_->archive_ended = !there;
    entry = std::move(header.entry);
    return there;
}

Result<> TarReader::content(const Block& block) {
    for (const Extent& extent : impl_->extents) {
        for (std::uint64_t done = 0; done < extent.length;) {
            BERTH_CHECK(impl_->refill());
            if (impl_->piece.empty()) return unexpected_end();
            auto size =
                static_cast<std::size_t>(std::min<std::uint64_t>(extent.length - done, impl_->piece.size()));
            BERTH_CHECK(block(extent.offset + done, impl_->piece.substr(0, size)));
            impl_->piece.remove_prefix(size);
            impl_->stored -= size;
            done += size;
        }
    }
    impl_->extents.clear();
    return {};
}

std::string inner_path(std::string_view path) {
    return clean_path(path).substr(1);
}

}  // namespace berth::archive
