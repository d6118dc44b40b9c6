#pragma once

#include "registry/registry_service.h"

namespace berth::registry {

// Asks the index that the term names ("host:port/word"), or Docker Hub's, by version 1 of its protocol.
Async<Result<std::vector<SearchResult>>> search_index(IoContext& io, async::BlockingPool& pool,
                                                      Settings settings, SearchRequest request);

}  // namespace berth::registry
