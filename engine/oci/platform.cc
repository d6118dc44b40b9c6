#include "engine/oci/platform.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

namespace berth::oci {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

bool known_os(std::string_view os) {
    constexpr std::array known{"aix",     "android", "darwin",  "dragonfly", "freebsd",
                               "illumos", "ios",     "js",      "linux",     "netbsd",
                               "openbsd", "plan9",   "solaris", "wasip1",    "windows"};
    return std::find(known.begin(), known.end(), os) != known.end();
}

bool known_architecture(std::string_view architecture) {
    constexpr std::array known{"386",     "amd64",  "arm",      "arm64",  "loong64",
                               "mips",    "mips64", "mips64le", "mipsle", "ppc64",
                               "ppc64le", "riscv",  "riscv64",  "s390x",  "wasm"};
    return std::find(known.begin(), known.end(), architecture) != known.end();
}

bool specifier(std::string_view part) {
    return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-' || c == '.';
    });
}

// 7 for "v7"; 0 when it is no version.
int variant_number(std::string_view variant) {
    if (variant.size() < 2 || variant.size() > 3 || variant[0] != 'v') return 0;
    int number = 0;
    for (char c : variant.substr(1)) {
        if (c < '0' || c > '9') return 0;
        number = number * 10 + (c - '0');
    }
    return number;
}

std::optional<int> arm_preference(int own, std::string_view variant) {
    int wanted = variant.empty() ? 7 : variant_number(variant);
    if (wanted == 0 || wanted > own) return std::nullopt;
    return own - wanted;
}

}  // namespace

Platform Platform::host() {
    utsname name{};
    ::uname(&name);
    Platform out{.os = "linux", .architecture = name.machine};
    return out.normalised();
}

Platform Platform::normalised() const {
    Platform out = *this;
    out.os = lower(out.os);
    if (out.os == "macos") out.os = "darwin";
    std::string machine = lower(architecture);
    std::string version = lower(variant);
    if (machine == "i386" || machine == "i686") {
        machine = "386";
        version.clear();
    } else if (machine == "x86_64" || machine == "x86-64" || machine == "amd64") {
        machine = "amd64";
        if (version == "v1") version.clear();
    } else if (machine == "aarch64" || machine == "arm64") {
        machine = "arm64";
        if (version == "8" || version == "v8") version.clear();
    } else if (machine == "armhf" || machine == "armv7l") {
        machine = "arm";
        version = "v7";
    } else if (machine == "armel" || machine == "armv6l") {
        machine = "arm";
        version = "v6";
    } else if (machine == "arm") {
        if (version.empty() || version == "7") version = "v7";
        if (version == "5" || version == "6" || version == "8") version = "v" + version;
    }
    out.architecture = machine;
    out.variant = version;
    return out;
}

Result<Platform> Platform::parse(std::string_view text) {
    auto refuse = [](std::string message) {
        return fail(ErrorKind::kInvalidArgument, std::move(message) + ": invalid argument");
    };
    if (text.find('*') != text.npos) return refuse(fmt::format("\"{}\": wildcards not yet supported", text));
    std::vector<std::string_view> parts;
    for (std::string_view rest = text;;) {
        // What is behind the third slash is one component, and a wrong one.
        auto slash = parts.size() < 3 ? rest.find('/') : rest.npos;
        parts.push_back(rest.substr(0, slash));
        if (slash == rest.npos) break;
        rest.remove_prefix(slash + 1);
    }
    for (auto part : parts) {
        if (!specifier(part)) {
            return refuse(
                fmt::format("\"{}\" is an invalid component of \"{}\": platform specifier component must "
                            "match \"^[A-Za-z0-9_.-]+$\"",
                            part, text));
        }
    }
    if (parts.size() > 3) return refuse(fmt::format("\"{}\": cannot parse platform specifier", text));
    Platform out;
    if (parts.size() == 1) {
        out.os = parts[0];
        out.architecture = host().architecture;
        out = out.normalised();
        if (known_os(out.os)) return out;
        out = Platform{.os = "linux", .architecture = std::string(parts[0])}.normalised();
        if (known_architecture(out.architecture)) return out;
        return refuse(fmt::format("\"{}\": unknown operating system or architecture", text));
    }
    out.os = parts[0];
    out.architecture = parts[1];
    if (parts.size() == 3) out.variant = parts[2];
    return out.normalised();
}

std::string Platform::text() const {
    if (os.empty()) return "unknown";
    std::string out = os + "/" + architecture;
    if (!variant.empty()) out += "/" + variant;
    return out;
}

std::optional<int> Platform::preference(const Platform& other) const {
    Platform own = normalised();
    Platform image = other.normalised();
    if (own.os != image.os) return std::nullopt;
    if (own.architecture == image.architecture) {
        if (own.architecture == "arm") return arm_preference(variant_number(own.variant), image.variant);
        if (own.variant == image.variant) return 0;
        // amd64/v3 runs v2 and plain amd64; a plain machine makes no promise about v2.
        int mine = own.variant.empty() ? 1 : variant_number(own.variant);
        int wanted = image.variant.empty() ? 1 : variant_number(image.variant);
        if (own.architecture != "amd64" || wanted == 0 || wanted > mine) return std::nullopt;
        return mine - wanted;
    }
    if (own.architecture == "amd64" && image.architecture == "386") return 10;
    if (own.architecture == "arm64" && image.architecture == "arm") {
        auto worse = arm_preference(8, image.variant);
        return worse ? std::optional(10 + *worse) : std::nullopt;
    }
    return std::nullopt;
}

}  // namespace berth::oci
