#include "network/firewall/nft_context.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>

#include <charconv>
#include <set>

#include "engine/base/files.h"
#include "network/firewall/shared_library.h"

namespace berth::network {
namespace {

bool is_netfilter_socket(int fd) {
    int domain = 0, protocol = 0;
    socklen_t size = sizeof domain;
    return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_NETLINK &&
           ::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == NETLINK_NETFILTER;
}

std::set<int> netfilter_sockets() {
    std::set<int> sockets;
    const auto names = list_folder("/proc/self/fd");
    if (!names) return sockets;
    for (const auto& name : *names) {
        int fd = -1;
        std::from_chars(name.data(), name.data() + name.size(), fd);
        if (is_netfilter_socket(fd)) sockets.insert(fd);
    }
    return sockets;
}

// The library does not say which socket is its own: the one that was not there before. Nor does it keep it
// from processes that are started.
int port_of_new_socket(const std::set<int>& before) {
    for (const int fd : netfilter_sockets()) {
        sockaddr_nl name{};
        socklen_t size = sizeof name;
        if (!before.contains(fd)) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        if (!before.contains(fd) && ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) == 0)
            return static_cast<int>(name.nl_pid);
    }
    return 0;
}

}  // namespace

struct NftContext::Library {
    void* handle = nullptr;
    decltype(nft_ctx_new)* make = nullptr;
    decltype(nft_ctx_free)* free = nullptr;
    decltype(nft_ctx_buffer_output)* buffer_output = nullptr;
    decltype(nft_ctx_buffer_error)* buffer_error = nullptr;
    decltype(nft_ctx_get_output_buffer)* output = nullptr;
    decltype(nft_ctx_get_error_buffer)* error = nullptr;
    decltype(nft_run_cmd_from_buffer)* run = nullptr;

    bool load() {
        handle = ::dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL);
        return handle && find_function(handle, "nft_ctx_new", make) &&
               find_function(handle, "nft_ctx_free", free) &&
               find_function(handle, "nft_ctx_buffer_output", buffer_output) &&
               find_function(handle, "nft_ctx_buffer_error", buffer_error) &&
               find_function(handle, "nft_ctx_get_output_buffer", output) &&
               find_function(handle, "nft_ctx_get_error_buffer", error) &&
               find_function(handle, "nft_run_cmd_from_buffer", run);
    }
};

NftContext::NftContext(std::unique_ptr<Library> library, nft_ctx* context, int port)
    : library_(std::move(library)), context_(context), port_(port) {}

NftContext::~NftContext() {
    library_->free(context_);
}

Result<std::shared_ptr<NftContext>> NftContext::open() {
    auto library = std::make_unique<Library>();
    if (!library->load())
        return fail(ErrorKind::kUnavailable, "firewall-backend nftables: libnftables is not installed");
    const auto before = netfilter_sockets();
    nft_ctx* context = library->make(NFT_CTX_DEFAULT);
    if (!context) return fail(ErrorKind::kInternal, "libnftables cannot start");
    library->buffer_output(context);
    library->buffer_error(context);
    const int port = port_of_new_socket(before);
    return std::shared_ptr<NftContext>(new NftContext(std::move(library), context, port));
}

Result<> NftContext::run(const std::string& commands) {
    auto done = ask(commands);
    if (!done) return Failure(std::move(done.error()));
    return {};
}

Result<std::string> NftContext::ask(const std::string& commands) {
    const std::lock_guard lock(mutex_);
    const bool done = library_->run(context_, commands.c_str()) == 0;
    std::string said = done ? library_->output(context_) : library_->error(context_);
    // The library keeps what it has read, half a megabyte for each table on the host, until a command comes
    // that needs none of it. Of those that describe a field, one whose values have no names is the cheapest.
    library_->run(context_, "describe ip length");
    if (done) return said;
    return fail(ErrorKind::kInternal, "program nftables: " + said.substr(0, said.find('\n')));
}

}  // namespace berth::network
