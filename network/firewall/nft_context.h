#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "engine/base/result.h"

struct nft_ctx;

namespace berth::network {

// libnftables, loaded when it is first wanted: whoever stays with iptables needs none. Each command is one
// transaction. Safe from any thread.
class NftContext {
 public:
    // kUnavailable when the library is not installed.
    static Result<std::shared_ptr<NftContext>> open();
    ~NftContext();
    NftContext(const NftContext&) = delete;
    NftContext& operator=(const NftContext&) = delete;

    Result<> run(const std::string& commands);
    // The same, for what the commands print.
    Result<std::string> ask(const std::string& commands);
    // Of its netlink socket; 0 if it is not known.
    int port() const { return port_; }

 private:
    struct Library;
    NftContext(std::unique_ptr<Library> library, nft_ctx* context, int port);

    std::unique_ptr<Library> library_;
    nft_ctx* context_;
    int port_;
    std::mutex mutex_;
};

}  // namespace berth::network
