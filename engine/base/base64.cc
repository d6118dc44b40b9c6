#include "engine/base/base64.h"

#include <openssl/evp.h>

#include <algorithm>

namespace berth {

std::string to_base64(std::string_view bytes, Base64 alphabet) {
    // EVP_EncodeBlock ends what it writes with a NUL.
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
    int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(size));
    if (alphabet == Base64::kUrl) {
        std::replace(out.begin(), out.end(), '+', '-');
        std::replace(out.begin(), out.end(), '/', '_');
    }
    return out;
}

Result<std::string> from_base64(std::string_view text) {
    while (text.ends_with('=')) text.remove_suffix(1);
    std::string padded(text);
    std::replace(padded.begin(), padded.end(), '-', '+');
    std::replace(padded.begin(), padded.end(), '_', '/');
    const std::size_t missing = (4 - padded.size() % 4) % 4;
    padded.append(missing, '=');
    std::string out(padded.size() / 4 * 3, '\0');
    int size = missing == 3 ? -1
                            : EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                              reinterpret_cast<const unsigned char*>(padded.data()),
                                              static_cast<int>(padded.size()));
    if (size < 0) return fail(ErrorKind::kInvalidArgument, "illegal base64 data");
    out.resize(static_cast<std::size_t>(size) - missing);
    return out;
}

}  // namespace berth
