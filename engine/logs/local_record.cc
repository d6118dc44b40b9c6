#include "engine/logs/local_record.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <deque>

namespace berth::logs {

namespace {

constexpr std::size_t kFrame = 8;             // the two sizes
constexpr std::size_t kMaxEntry = 60 * 1024;  // a line has at most 16 KiB

// Every entry begins with its source, "stdout" or "stderr".
constexpr std::string_view kStart = "\x0a\x06std";

void put_size(std::string& out, std::size_t size) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift);
}

std::size_t size_at(std::string_view bytes, std::size_t at) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(bytes[at + i]);
    return size;
}

void put_varint(std::string& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
    out += static_cast<char>(value);
}

void put_bytes(std::string& out, int field, std::string_view bytes) {
    out += static_cast<char>(field << 3 | 2);
    put_varint(out, bytes.size());
    out += bytes;
}

void put_number(std::string& out, int field, std::uint64_t value) {
    if (value == 0) return;
    out += static_cast<char>(field << 3);
    put_varint(out, value);
}

class ProtoReader {
 public:
    explicit ProtoReader(std::string_view bytes) : rest_(bytes) {}
    // The next field: number, and its value as a number or bytes. False at the end or if it is damaged.
    bool next(unsigned& field, std::uint64_t& number, std::string_view& bytes) {
        std::uint64_t key = 0;
        if (rest_.empty() || !varint(key)) return false;
        field = static_cast<unsigned>(key >> 3);
        switch (key & 7) {
            case 0:
                return varint(number);
            case 2: {
                std::uint64_t size = 0;
                if (!varint(size) || size > rest_.size()) return damage();
                bytes = rest_.substr(0, size);
                rest_.remove_prefix(size);
                return true;
            }
            default:
                return damage();
        }
    }
    bool damaged() const { return damaged_; }

 private:
    bool damage() {
        damaged_ = true;
        return false;
    }
    bool varint(std::uint64_t& value) {
        value = 0;
        for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
            auto byte = static_cast<unsigned char>(rest_.front());
            rest_.remove_prefix(1);
            value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
            if (byte < 0x80) return true;
        }
        return damage();
    }

    std::string_view rest_;
    bool damaged_ = false;
};

bool last_of(std::string_view metadata) {
    ProtoReader reader(metadata);
    unsigned field = 0;
    std::uint64_t number = 0;
    std::string_view bytes;
    bool last = false;
    while (reader.next(field, number, bytes)) {
        if (field == 1) last = number != 0;
    }
    return last;
}

// False if it is damaged.
bool decode(std::string_view entry, Record& record) {
    ProtoReader reader(entry);
    record.stream = Stream::kStdout;
    record.text.clear();
    record.attributes.clear();
    unsigned field = 0;
    std::uint64_t number = 0;
    std::string_view bytes;
    bool partial = false, last = false, timed = false;
    while (reader.next(field, number, bytes)) {
        if (field == 1) record.stream = bytes == "stderr" ? Stream::kStderr : Stream::kStdout;
        if (field == 2) record.time = Timestamp(std::chrono::nanoseconds(static_cast<std::int64_t>(number)));
        if (field == 2) timed = true;
        if (field == 3) record.text = bytes;
        if (field == 4) partial = number != 0;
        if (field == 5) last = last_of(bytes);
    }
    if (reader.damaged() || !timed) return false;
    if (!partial || last) record.text += '\n';
    return true;
}

// Whether a whole record begins at `at`; 0 if not, npos if that cannot be told yet.
std::size_t frame_at(std::string_view bytes, std::size_t at) {
    if (bytes.size() - at < 4) return std::string_view::npos;
    const std::size_t size = size_at(bytes, at);
    if (size < kStart.size() || size > kMaxEntry) return 0;
    const std::string_view start = bytes.substr(at + 4, kStart.size());
    if (start != kStart.substr(0, start.size())) return 0;
    if (bytes.size() - at < size + kFrame) return std::string_view::npos;
    return size_at(bytes, at + 4 + size) == size ? size : 0;
}

Result<TailPosition> scan_forwards(int fd, std::uint64_t wanted) {
    std::deque<std::uint64_t> starts;
    std::string rest;
    Record record;
    std::uint64_t offset = 0;  // of rest in the file
    for (;;) {
        const std::size_t before = rest.size();
        rest.resize(before + (64 << 10));
        ssize_t got =
            ::pread(fd, rest.data() + before, rest.size() - before, static_cast<off_t>(offset + before));
        rest.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("read log");
        std::size_t at = 0;
        for (Taken taken = take_local_record(rest, record); taken.size > 0;
             taken = take_local_record(std::string_view(rest).substr(at), record)) {
            if (taken.good) starts.push_back(offset + at);
            if (starts.size() > wanted) starts.pop_front();
            at += taken.size;
        }
        rest.erase(0, at);
        offset += at;
        if (got == 0) break;
    }
    return TailPosition{starts.empty() ? offset : starts.front(), starts.size()};
}

}  // namespace

void append_local_record(std::string& out, Stream stream, Timestamp time, std::string_view line,
                         const Piece& piece) {
    const std::size_t start = out.size();
    put_size(out, 0);
    put_bytes(out, 1, stream == Stream::kStderr ? "stderr" : "stdout");
    put_number(out, 2, static_cast<std::uint64_t>(time.time_since_epoch().count()));
    if (!line.empty()) put_bytes(out, 3, line);
    if (!piece.id.empty()) {
        put_number(out, 4, 1);
        std::string metadata;
        put_number(metadata, 1, piece.last ? 1 : 0);
        put_bytes(metadata, 2, piece.id);
        put_number(metadata, 3, static_cast<std::uint64_t>(piece.ordinal));
        put_bytes(out, 5, metadata);
    }
    const std::size_t size = out.size() - start - 4;
    std::string frame;
    put_size(frame, size);
    out.replace(start, 4, frame);
    out += frame;
}

Taken take_local_record(std::string_view bytes, Record& record) {
    std::size_t at = 0;
    for (; at < bytes.size(); ++at) {
        const std::size_t size = frame_at(bytes, at);
        if (size == std::string_view::npos && at == 0) return {};
        if (size == std::string_view::npos || (size > 0 && at > 0)) break;
        if (size == 0) continue;
        return {size + kFrame, decode(bytes.substr(4, size), record)};
    }
    return {at, false};
}

Result<TailPosition> find_local_tail(int fd, std::uint64_t records) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) return fail_errno("stat log");
    auto end = static_cast<std::uint64_t>(status.st_size);
    TailPosition out{end, 0};
    auto size_in_file = [fd](std::uint64_t at) {
        char bytes[4];
        return ::pread(fd, bytes, sizeof bytes, static_cast<off_t>(at)) == 4 ? size_at({bytes, 4}, 0) : 0;
    };
    while (out.found < records && end >= kFrame) {
        const std::size_t size = size_in_file(end - 4);
        if (size == 0 || size + kFrame > end || size_in_file(end - size - kFrame) != size)
            return scan_forwards(fd, records);
        end -= size + kFrame;
        out = {end, out.found + 1};
    }
    if (out.found < records && end > 0) return scan_forwards(fd, records);
    return out;
}

}  // namespace berth::logs
