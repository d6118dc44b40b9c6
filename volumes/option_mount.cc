#include "volumes/option_mount.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <arpa/inet.h>
#include <cerrno>
#include <memory>
#include <vector>

#include "engine/sys/mount.h"
#include "engine/sys/mount_options.h"

namespace berth::volumes {

namespace {

std::vector<std::string> split_words(const std::string& text) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < text.size();) {
        auto comma = std::min(text.find(',', at), text.size());
        if (comma > at) words.push_back(text.substr(at, comma - at));
        at = comma + 1;
    }
    return words;
}

std::string value_of(const Options& options, const std::string& name) {
    auto found = options.find(name);
    return found == options.end() ? "" : found->second;
}

bool is_address(const std::string& text) {
    char bytes[16];
    return ::inet_pton(AF_INET, text.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

Result<std::string> look_up_host(const std::string& name) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (int status = ::getaddrinfo(name.c_str(), nullptr, &hints, &found); status != 0)
        return fail(ErrorKind::kInternal, "lookup " + name + ": " + ::gai_strerror(status));
    std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, ::freeaddrinfo);
    char text[NI_MAXHOST];
    if (::getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0)
        return fail(ErrorKind::kInternal, "lookup " + name + ": no address");
    return std::string(text);
}

// "//server/share" and "cifs://server/share": where the server's name lies.
std::pair<std::size_t, std::size_t> server_of(const std::string& device) {
    auto start = device.find("//");
    if (start == device.npos) return {0, 0};
    start += 2;
    return {start, std::min(device.find('/', start), device.size()) - start};
}

std::string hide_password(std::string text, const std::string& options) {
    for (const auto& word : split_words(options)) {
        if (!word.starts_with("password=")) continue;
        for (auto at = text.find(word); at != text.npos; at = text.find(word, at + 1))
            text.replace(at, word.size(), "password=********");
    }
    return text;
}

// As the library dockerd uses words it.
Failure mount_failure(const Source& source, const std::string& target, const sys::MountOptions& parsed,
                      const Error& error) {
    unsigned long flags = sys::mount_flags_of(parsed.set | parsed.set_all);
    if (parsed.bind) flags |= MS_BIND | (parsed.recursive_bind ? MS_REC : 0);
    std::string text = "mount " + source.device + ":" + target;
    if (flags != 0) text += fmt::format(", flags: 0x{:x}", flags);
    std::string data;
    for (const auto& word : parsed.data) data += (data.empty() ? "" : ",") + word;
    if (!data.empty()) text += ", data: " + data;
    Failure reason = fail_errno(text, error.sys_errno != 0 ? error.sys_errno : EINVAL);
    const auto kind =
        error.kind == ErrorKind::kDeadlineExceeded ? ErrorKind::kDeadlineExceeded : ErrorKind::kInternal;
    return fail(kind, "failed to mount local volume: " +
                          hide_password(std::move(reason.value().message), source.options));
}

}  // namespace

Result<Source> with_address(const std::string& type, Source source, const LookUp& look_up) {
    if (type != "nfs" && type != "nfs4" && type != "cifs") return source;
    constexpr const char* kPhrase = "error resolving passed in network volume address";
    for (const auto& word : split_words(source.options)) {
        if (!word.starts_with("addr=")) continue;
        const std::string name = word.substr(5);
        if (is_address(name)) return source;
        BERTH_TRY(auto address, in(kPhrase, look_up(name)));
        source.options.replace(source.options.find(word), word.size(), "addr=" + address);
        return source;
    }
    if (type != "cifs") return source;
    auto [start, length] = server_of(source.device);
    const std::string server = source.device.substr(start, length);
    if (server.empty() || is_address(server)) return source;
    BERTH_TRY(auto address, in(kPhrase, look_up(server)));
    source.device.replace(start, length, address);
    return source;
}

Result<> mount_options(const Options& options, const std::string& target, const MountCall& call) {
    const std::string type = value_of(options, "type");
    BERTH_TRY(const Source source,
              with_address(type, {value_of(options, "device"), value_of(options, "o")}, look_up_host));
    auto words = split_words(source.options);
    const bool loop = std::erase(words, "loop") > 0;
    BERTH_TRY(const auto parsed, sys::parse_mount_options(words));
    auto mounted = call({parsed.bind ? "bind" : type, source.device, target, words}, loop);
    if (!mounted) return mount_failure(source, target, parsed, mounted.error());
    return {};
}

Result<> unmount_at(const std::string& target) {
    // EINVAL: nothing is mounted there (any more).
    while (::umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
    }
    if (errno == EINVAL || errno == ENOENT) return {};
    return fail_errno("unmount " + target);
}

Result<bool> is_mount_point(const std::string& path) {
    struct statx status{};
    // Without asking the file system, which may not answer.
    constexpr int kFlags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
    if (::statx(AT_FDCWD, path.c_str(), kFlags, 0, &status) != 0) return fail_errno("stat " + path);
    return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

}  // namespace berth::volumes
