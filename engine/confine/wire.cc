#include "engine/confine/wire.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace berth::confine {

std::string encode_record(const Fields& fields) {
    std::string body;
    for (const std::string& field : fields) {
        body += field;
        body += '\0';
    }
    auto length = static_cast<std::uint32_t>(body.size());
    std::string out(sizeof length, '\0');
    std::memcpy(out.data(), &length, sizeof length);
    return out + body;
}

std::string encode_error(const Error& error) {
    return encode_record({"error", std::to_string(static_cast<int>(error.kind)),
                          std::to_string(error.sys_errno),
                          error.message.substr(0, error.message.find('\0'))});
}

Error decode_error(const Fields& fields) {
    if (fields.size() != 4) return {ErrorKind::kInternal, "berth-helper: malformed result", 0};
    int kind = std::atoi(fields[1].c_str());
    if (kind < 0 || kind > static_cast<int>(ErrorKind::kDataLoss))
        kind = static_cast<int>(ErrorKind::kInternal);
    return {static_cast<ErrorKind>(kind), fields[3], std::atoi(fields[2].c_str())};
}

void RecordReader::append(std::string_view bytes) {
    // There may be very many: what has been taken goes at once.
    bytes_.erase(0, taken_);
    taken_ = 0;
    bytes_ += bytes;
}

bool RecordReader::take(Fields& fields) {
    std::string_view rest = std::string_view(bytes_).substr(taken_);
    std::uint32_t length = 0;
    if (rest.size() < sizeof length) return false;
    std::memcpy(&length, rest.data(), sizeof length);
    rest.remove_prefix(sizeof length);
    if (rest.size() < length) return false;
    fields.clear();
    taken_ += sizeof length + length;
    for (std::string_view body = rest.substr(0, length); !body.empty();) {
        auto end = body.find('\0');
        if (end == std::string_view::npos) break;
        fields.emplace_back(body.substr(0, end));
        body.remove_prefix(end + 1);
    }
    return true;
}

}  // namespace berth::confine
