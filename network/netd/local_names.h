#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "network/names/dns_message.h"
#include "network/netd/names_folder.h"

namespace berth::netd {

// The answer to a question about containers of the sandbox's networks; nothing when they do not know the name
// and somebody else may. A name that is known has an answer for every type: at least that there is nothing.
// Several addresses come in another order each time.
std::optional<std::string> answer_locally(NamesFolder& folder, const network::SandboxNames& sandbox,
                                          std::string_view query, const network::dns::Question& question,
                                          std::size_t limit);

}  // namespace berth::netd
