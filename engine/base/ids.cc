#include "engine/base/ids.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "engine/base/hex.h"

namespace berth {

std::string random_hex(std::size_t count) {
    std::vector<unsigned char> bytes(count);
    // Requests up to 256 bytes are never cut short; without randomness nothing here is safe to go on.
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(count)) std::abort();
    return to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string new_id() {
    return random_hex(32);
}

std::string_view short_id(std::string_view id) {
    return id.substr(0, 12);
}

bool is_id(std::string_view text) {
    return text.size() == 64 && std::all_of(text.begin(), text.end(), is_lower_hex);
}

}  // namespace berth
