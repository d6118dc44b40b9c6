#include "engine/archive/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <bzlib.h>
#include <gtest/gtest.h>
#include <lzma.h>
#include <sys/stat.h>
#include <zlib.h>

#include <random>

#include "engine/archive/decompress.h"

namespace berth::archive {
namespace {

// Hands out bytes in small pieces, so that headers straddle them.
class Pieces : public ByteSource {
 public:
    Pieces(std::string bytes, std::size_t size) : bytes_(std::move(bytes)), size_(size) {}
    Result<std::string_view> next() override {
        std::string_view piece = std::string_view(bytes_).substr(std::min(at_, bytes_.size()), size_);
        at_ += piece.size();
        return piece;
    }

 private:
    std::string bytes_;
    std::size_t size_, at_ = 0;
};

// An archive as another implementation writes it.
std::string sample(int format) {
    std::string out(1 << 20, '\0');
    std::size_t used = 0;
    ::archive* writer = ::archive_write_new();
    ::archive_write_set_format(writer, format);
    ::archive_write_open_memory(writer, out.data(), out.size(), &used);
    for (int i = 0; i < 20; ++i) {
        ::archive_entry* entry = ::archive_entry_new();
        std::string name =
            "folder" + std::string(static_cast<std::size_t>(i) * 6, 'n') + "/" + std::to_string(i);
        std::string content(static_cast<std::size_t>(i) * 100, static_cast<char>('a' + i));
        ::archive_entry_set_pathname(entry, name.c_str());
        ::archive_entry_set_mode(entry, S_IFREG | 0640);
        ::archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
        ::archive_entry_set_uid(entry, 1000 + i);
        ::archive_entry_set_mtime(entry, 1'700'000'000 + i,
                                  format == ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE ? 5 : 0);
        ::archive_write_header(writer, entry);
        ::archive_write_data(writer, content.data(), content.size());
        ::archive_entry_free(entry);
    }
    ::archive_write_close(writer);
    ::archive_write_free(writer);
    out.resize(used);
    return out;
}

std::string gzip(const std::string& bytes) {
    std::string out(bytes.size() + 1024, '\0');
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

struct Read {
    int entries = 0;
    std::uint64_t bytes = 0;
};

Result<Read> read_all_of(ByteSource& source,
                         const std::function<void(const TarEntry&, const std::string&)>& look = {}) {
    BERTH_TRY(auto plain, decompress(source));
    TarReader reader(*plain);
    TarEntry entry;
    Read read;
    while (true) {
        BERTH_TRY(bool more, reader.next(entry));
        if (!more) return read;
        ++read.entries;
        std::string content;
        // Every third is skipped: what is not read must be passed over.
        if (read.entries % 3 == 0) continue;
        BERTH_CHECK(reader.content([&](std::uint64_t, std::string_view bytes) -> Result<> {
            read.bytes += bytes.size();
            content += bytes.substr(0, 1 << 16);
            return {};
        }));
        if (look) look(entry, content);
    }
}

// A piece at a time, of a size of its own.
class InPieces : public ByteSource {
 public:
    InPieces(std::string_view bytes, std::size_t size) : bytes_(bytes), size_(size) {}
    Result<std::string_view> next() override {
        piece_ = std::string(bytes_.substr(0, size_));
        bytes_.remove_prefix(piece_.size());
        return std::string_view(piece_);
    }

 private:
    std::string_view bytes_;
    std::size_t size_;
    std::string piece_;
};

Result<std::string> plain_of(std::string_view packed, std::size_t size) {
    InPieces source(packed, size);
    BERTH_TRY(auto plain, decompress(source));
    std::string out;
    while (true) {
        BERTH_TRY(auto piece, plain->next());
        if (piece.empty()) return out;
        out += piece;
    }
}

TEST(Gunzip, MembersInPiecesOfAnySize) {
    std::string plain;
    for (int i = 0; plain.size() < 700000; ++i) plain += std::to_string(i * 7919);
    const std::string packed = gzip(plain) + gzip("") + gzip("the end");
    for (std::size_t size : {1u, 7u, 1000u, 65536u, 10000000u}) {
        auto out = plain_of(packed, size);
        ASSERT_TRUE(out) << size << out.error().message;
        EXPECT_TRUE(*out == plain + "the end") << size;
    }
}

std::string bzip2(std::string_view bytes) {
    auto size = static_cast<unsigned>(bytes.size() + 1024);
    std::string out(size, '\0');
    EXPECT_EQ(::BZ2_bzBuffToBuffCompress(out.data(), &size, const_cast<char*>(bytes.data()),
                                         static_cast<unsigned>(bytes.size()), 1, 0, 0),
              BZ_OK);
    out.resize(size);
    return out;
}

std::string xz(std::string_view bytes) {
    std::string out(bytes.size() + 1024, '\0');
    std::size_t size = 0;
    EXPECT_EQ(::lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, nullptr,
                                        reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(),
                                        reinterpret_cast<std::uint8_t*>(out.data()), &size, out.size()),
              LZMA_OK);
    out.resize(size);
    return out;
}

TEST(Decompress, StreamsInPiecesOfAnySize) {
    std::string plain;
    for (int i = 0; plain.size() < 700000; ++i) plain += std::to_string(i * 7919);
    for (auto* pack : {bzip2, xz}) {
        const std::string packed = pack(plain) + pack("") + pack("the end");
        for (std::size_t size : {1u, 7u, 1000u, 65536u, 10000000u}) {
            auto out = plain_of(packed, size);
            ASSERT_TRUE(out) << size << out.error().message;
            EXPECT_TRUE(*out == plain + "the end") << size;
            auto cut = plain_of(std::string_view(packed).substr(0, packed.size() - 3), size);
            ASSERT_FALSE(cut);
            EXPECT_EQ(cut.error().message, "unexpected EOF");
        }
    }
}

TEST(Gunzip, SaysWhatIsWrong) {
    const std::string plain(100000, 'x'), packed = gzip(plain) + gzip("more");
    for (std::size_t size : {1u, 13u, 1000000u}) {
        for (std::size_t cut :
             {packed.size() - 1, packed.size() - 8, packed.size() - 15, gzip(plain).size() - 3})
            EXPECT_EQ(plain_of(std::string_view(packed).substr(0, cut), size).error().message,
                      "unexpected EOF")
                << cut;
        std::string sum = packed, size_field = packed, junk = packed + "no gzip header";
        sum[sum.size() - 8] ^= 1;
        size_field[size_field.size() - 1] ^= 1;
        EXPECT_EQ(plain_of(sum, size).error().message, "gzip: invalid checksum");
        EXPECT_EQ(plain_of(size_field, size).error().message, "gzip: invalid checksum");
        EXPECT_EQ(plain_of(junk, size).error().message, "gzip: invalid header");
        std::string body = packed;
        body[12] = '\xff';
        EXPECT_FALSE(plain_of(body, size));
    }
}

TEST(TarReader, ReadsWhatOthersWrite) {
    for (int format :
         {ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE, ARCHIVE_FORMAT_TAR_GNUTAR}) {
        for (std::size_t piece : {std::size_t{1}, std::size_t{700}, std::size_t{1} << 18}) {
            Pieces source(sample(format), piece);
            auto read = read_all_of(source, [&](const TarEntry& entry, const std::string& content) {
                int i = std::stoi(entry.path.substr(entry.path.rfind('/') + 1));
                EXPECT_EQ(entry.path.size(),
                          6 + static_cast<std::size_t>(i) * 6 + 1 + std::to_string(i).size());
                EXPECT_EQ(content,
                          std::string(static_cast<std::size_t>(i) * 100, static_cast<char>('a' + i)));
                EXPECT_EQ(entry.mode, 0640u);
                EXPECT_EQ(entry.uid, 1000u + static_cast<uid_t>(i));
                EXPECT_EQ(entry.mtime.tv_sec, 1'700'000'000 + i);
                EXPECT_EQ(entry.mtime.tv_nsec, format == ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE ? 5 : 0);
            });
            ASSERT_TRUE(read) << read.error().message;
            EXPECT_EQ(read->entries, 20);
        }
    }
}

TEST(TarReader, EveryCutIsToldOrHarmless) {
    std::string whole = sample(ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE), packed = gzip(whole);
    for (std::size_t size = 0; size < whole.size(); size += 37) {
        Pieces source(whole.substr(0, size), 4096);
        auto read = read_all_of(source);
        // Between two entries nobody can tell, as with Go.
        if (!read) {
            EXPECT_EQ(read.error().message, "unexpected EOF") << size;
        }
    }
    for (std::size_t size = 20; size + 1 < packed.size(); size += 11) {
        Pieces source(packed.substr(0, size), 4096);
        auto read = read_all_of(source);
        if (!read) {
            EXPECT_EQ(read.error().message, "unexpected EOF") << size;
        }
    }
}

// Not a fuzzer, but enough for the sanitizers to see every branch: a fixed seed, so that what fails once
// fails again.
TEST(TarReader, DamagedBytesGiveErrorsNeverMore) {
    std::mt19937 random(20261121);
    for (int format : {ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE, ARCHIVE_FORMAT_TAR_GNUTAR}) {
        const std::string whole = sample(format);
        for (int round = 0; round < 600; ++round) {
            std::string damaged = whole;
            std::size_t block = random() % (damaged.size() / 512) * 512;
            for (int i = 0; i < 3; ++i) damaged[block + random() % 512] = static_cast<char>(random());
            // With a sum that fits, so that the damage gets past it.
            unsigned sum = 0;
            for (std::size_t i = 0; i < 512; ++i) {
                sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(damaged[block + i]);
            }
            std::snprintf(damaged.data() + block + 148, 8, "%06o", sum);
            Pieces source(round % 2 == 0 ? damaged : gzip(damaged), 4096);
            auto read = read_all_of(source);
            if (read) {
                EXPECT_LE(read->bytes, whole.size());
            } else {
                EXPECT_EQ(read.error().kind, ErrorKind::kInvalidArgument) << read.error().message;
            }
        }
    }
}

TEST(TarReader, CleanPathsStayInside) {
    EXPECT_EQ(inner_path("/a//b/./c/.."), "a/b");
    EXPECT_EQ(inner_path("../../x"), "x");
    EXPECT_EQ(inner_path("./"), "");
    EXPECT_EQ(inner_path(".."), "");
}

}  // namespace
}  // namespace berth::archive
