#include "engine/base/digest.h"

// The low-level functions: EVP would read a configuration file and might load code that it names, which a
// helper shut in a container's root must never do.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <algorithm>
#include <cstdlib>

#include "engine/base/hex.h"
#include "engine/base/ids.h"

namespace berth {

Result<Digest> Digest::parse(std::string_view text) {
    constexpr std::string_view kPrefix = "sha256:";
    if (!text.starts_with(kPrefix) || !is_id(text.substr(kPrefix.size()))) {
        return fail(ErrorKind::kInvalidArgument,
                    "invalid digest \"" + std::string(text.substr(0, 128)) + "\"");
    }
    return Digest(std::string(text));
}

Digest Digest::from_hex(std::string hex) {
    return Digest("sha256:" + std::move(hex));
}

struct Sha256::Context {
    SHA256_CTX state;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
    SHA256_Init(&context_->state);
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
    SHA256_Update(&context_->state, bytes.data(), bytes.size());
}

Digest Sha256::finish() {
    unsigned char bytes[32];
    SHA256_Final(bytes, &context_->state);
    return Digest::from_hex(to_hex({reinterpret_cast<const char*>(bytes), sizeof bytes}));
}

Digest sha256(std::string_view bytes) {
    Sha256 hash;
    hash.update(bytes);
    return hash.finish();
}

}  // namespace berth
