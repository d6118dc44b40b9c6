#include "engine/archive/pax.h"

#include <charconv>

namespace berth::archive {

namespace {

constexpr std::string_view kXattr = "SCHILY.xattr.";

// Seconds with an optional fraction, negative ones too: -1.5 is half a second before -1.
Result<timespec> parse_time(std::string_view text) {
    auto point = text.find('.');
    BERTH_TRY(std::int64_t seconds, parse_decimal(text.substr(0, point)));
    std::int64_t nanos = 0;
    if (point != text.npos) {
        std::string digits(text.substr(point + 1, 9));
        if (text.find_first_not_of("0123456789", point + 1) != text.npos) return invalid_header();
        digits.resize(9, '0');
        BERTH_TRY(nanos, parse_decimal(digits));
    }
    if (nanos > 0 && text.starts_with('-')) {
        seconds -= 1;
        nanos = 1'000'000'000 - nanos;
    }
    return timespec{seconds, nanos};
}

// The next record, taken off the front of `text`.
Result<std::pair<std::string, std::string>> take_record(std::string_view& text) {
    auto space = text.find(' ');
    if (space == text.npos) return invalid_header();
    BERTH_TRY(std::int64_t length, parse_decimal(text.substr(0, space)));
    if (length < 5 || static_cast<std::uint64_t>(length) > text.size()) return invalid_header();
    std::string_view record = text.substr(0, static_cast<std::size_t>(length));
    if (record.size() < space + 3 || record.back() != '\n') return invalid_header();
    record = record.substr(space + 1, record.size() - space - 2);
    auto equals = record.find('=');
    if (equals == record.npos || equals == 0) return invalid_header();
    text.remove_prefix(static_cast<std::size_t>(length));
    std::string key(record.substr(0, equals)), value(record.substr(equals + 1));
    bool name = key == "path" || key == "linkpath" || key == "uname" || key == "gname";
    if (key.find('\0') != key.npos || (name && value.find('\0') != value.npos)) return invalid_header();
    return std::pair(std::move(key), std::move(value));
}

}  // namespace

Result<std::int64_t> parse_decimal(std::string_view text) {
    std::int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return invalid_header();
    return value;
}

Result<std::vector<Extent>> parse_extents(std::string_view text, char separator) {
    std::vector<Extent> extents;
    while (!text.empty()) {
        std::int64_t numbers[2];
        for (std::int64_t& number : numbers) {
            auto end = text.find(separator);
            BERTH_TRY(number, parse_decimal(text.substr(0, end)));
            if (number < 0) return invalid_header();
            text.remove_prefix(end == text.npos ? text.size() : end + 1);
        }
        extents.push_back({static_cast<std::uint64_t>(numbers[0]), static_cast<std::uint64_t>(numbers[1])});
    }
    return extents;
}

std::string_view PaxRecords::find(std::string_view key) const {
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
        if (record->first == key) return record->second;
    }
    return {};
}

Result<PaxRecords> parse_pax(std::string_view text) {
    PaxRecords pax;
    while (!text.empty()) {
        BERTH_TRY(auto record, take_record(text));
        if (record.first == "GNU.sparse.offset" || record.first == "GNU.sparse.numbytes") {
            if (!pax.sparse_map.empty()) pax.sparse_map += ',';
            pax.sparse_map += record.second;
        }
        pax.records.push_back(std::move(record));
    }
    return pax;
}

Result<> apply_pax(const PaxRecords& pax, Header& header) {
    TarEntry& entry = header.entry;
    for (const auto& [key, value] : pax.records) {
        if (!key.starts_with(kXattr) || key.size() == kXattr.size()) continue;
        std::string name = key.substr(kXattr.size());
        std::erase_if(entry.xattrs, [&](const auto& xattr) { return xattr.first == name; });
        entry.xattrs.emplace_back(std::move(name), value);
    }
    if (auto path = pax.find("path"); !path.empty()) entry.path = path;
    if (auto link = pax.find("linkpath"); !link.empty()) entry.link = link;
    if (auto uid = pax.find("uid"); !uid.empty()) {
        BERTH_TRY(header.uid, parse_decimal(uid));
    }
    if (auto gid = pax.find("gid"); !gid.empty()) {
        BERTH_TRY(header.gid, parse_decimal(gid));
    }
    if (auto size = pax.find("size"); !size.empty()) {
        BERTH_TRY(header.stored, parse_decimal(size));
    }
    if (auto time = pax.find("mtime"); !time.empty()) {
        BERTH_TRY(entry.mtime, parse_time(time));
    }
    if (header.stored < 0) return invalid_header();
    if (header.raw_type == '\0' && entry.path.ends_with('/')) {
        entry.type = TarEntry::Type::kFolder;
    }
    return {};
}

}  // namespace berth::archive
