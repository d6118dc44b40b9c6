#include "engine/base/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>

#include "engine/base/hex.h"
#include "engine/base/ids.h"

namespace berth {

Result<Digest> Digest::parse(std::string_view text) {
    constexpr std::string_view kPrefix = "sha256:";
    if (!text.starts_with(kPrefix) || !is_id(text.substr(kPrefix.size()))) {
        return fail(ErrorKind::kInvalidArgument, "invalid digest \"" + std::string(text.substr(0, 128)) + "\"");
    }
    return Digest(std::string(text));
}

Digest Digest::from_hex(std::string hex) { return Digest("sha256:" + std::move(hex)); }

struct Sha256::Context {
    EVP_MD_CTX* evp = EVP_MD_CTX_new();
    ~Context() { EVP_MD_CTX_free(evp); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
    if (EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr) != 1) std::abort();
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
    if (EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()) != 1) std::abort();
}

Digest Sha256::finish() {
    unsigned char bytes[32];
    if (EVP_DigestFinal_ex(context_->evp, bytes, nullptr) != 1) std::abort();
    return Digest::from_hex(to_hex({reinterpret_cast<const char*>(bytes), sizeof bytes}));
}

Digest sha256(std::string_view bytes) {
    Sha256 hash;
    hash.update(bytes);
    return hash.finish();
}

}  // namespace berth
