#include "network/names/names_file.h"

#include <fmt/format.h>

#include <algorithm>

namespace berth::network {
namespace {

using Words = std::vector<std::string>;

Words words_of(std::string_view line) {
    Words words;
    while (!line.empty()) {
        const auto end = std::min(line.find(' '), line.size());
        if (end > 0) words.emplace_back(line.substr(0, end));
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    return words;
}

std::vector<Words> lines_of(std::string_view text) {
    std::vector<Words> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        auto words = words_of(text.substr(0, end));
        if (words.size() > 1) lines.push_back(std::move(words));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

bool is_word(const std::string& text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c != 127; });
}

std::string or_dash(const std::string& text) {
    return text.empty() ? "-" : text;
}

std::string dash_is_nothing(std::string text) {
    return text == "-" ? "" : text;
}

constexpr const char* kAsk[] = {"container", "host", "nobody"};

}  // namespace

std::string render(const NetworkNames& names) {
    std::string text = "names 1\n";
    // A network's name may be anything; one with blanks has no place in a host name.
    if (is_word(names.network)) text += "network " + names.network + "\n";
    for (const auto& endpoint : names.endpoints) {
        text += "endpoint " + or_dash(endpoint.ipv4) + " " + or_dash(endpoint.ipv6);
        for (const auto& name : endpoint.names)
            if (is_word(name)) text += " " + name;
        text += "\n";
    }
    return text;
}

std::string render(const SandboxNames& names) {
    std::string text = "sandbox 1\n";
    for (const auto& id : names.networks) text += "network " + id + "\n";
    for (const auto& [alias, name] : names.links)
        if (is_word(alias) && is_word(name)) text += "link " + alias + " " + name + "\n";
    for (const auto& server : names.servers)
        if (is_word(server)) text += "server " + server + "\n";
    text += fmt::format("ask {}\n", kAsk[static_cast<int>(names.ask)]);
    return text + (names.ask_undotted ? "undotted ask\n" : "undotted refuse\n");
}

std::optional<NetworkNames> parse_network_names(std::string_view text) {
    const auto lines = lines_of(text);
    if (lines.empty() || lines[0] != Words{"names", "1"}) return std::nullopt;
    NetworkNames names;
    for (const auto& line : lines) {
        if (line[0] == "network") names.network = line[1];
        if (line[0] == "endpoint" && line.size() > 3)
            names.endpoints.push_back(
                {dash_is_nothing(line[1]), dash_is_nothing(line[2]), Words(line.begin() + 3, line.end())});
    }
    return names;
}

std::optional<SandboxNames> parse_sandbox_names(std::string_view text) {
    const auto lines = lines_of(text);
    if (lines.empty() || lines[0] != Words{"sandbox", "1"}) return std::nullopt;
    SandboxNames names;
    for (const auto& line : lines) {
        if (line[0] == "network") names.networks.push_back(line[1]);
        if (line[0] == "link" && line.size() == 3) names.links.emplace_back(line[1], line[2]);
        if (line[0] == "server") names.servers.push_back(line[1]);
        if (line[0] == "undotted") names.ask_undotted = line[1] == "ask";
        if (line[0] != "ask") continue;
        for (int ask = 0; ask < 3; ++ask)
            if (line[1] == kAsk[ask]) names.ask = static_cast<SandboxNames::Ask>(ask);
    }
    return names;
}

std::string network_file(const std::string& network_id) {
    return "net-" + network_id;
}
std::string sandbox_file(const std::string& container_id) {
    return "box-" + container_id;
}

}  // namespace berth::network
