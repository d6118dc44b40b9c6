#pragma once

#include "engine/image/collector.h"
#include "engine/image/listing.h"

namespace berth::image {

// `docker image prune`: removes names by Docker's rules (an image that a container was made from by name
// keeps that name, one made from by id keeps a last one), collects, and counts what has gone.
class Prune {
 public:
    Prune(Listing& listing, References& references, content::ContentStore& content, Collector& collector,
          events::EventSink& events)
        : listing_(listing),
          references_(references),
          content_(content),
          collector_(collector),
          events_(events) {}

    Result<PruneReport> run(PruneRequest request, const std::vector<ImageService::User>& users);

 private:
    using Names = std::map<std::string, NamedTarget>;
    Result<Names> choose(const PruneRequest& request, const std::vector<ImageService::User>& users);
    Result<> remove(const Names& names);
    void tell(const Names& names, const std::map<Digest, std::vector<ManifestSummary>>& targets,
              PruneReport& report);

    Listing& listing_;
    References& references_;
    content::ContentStore& content_;
    Collector& collector_;
    events::EventSink& events_;
    std::mutex running_;
};

}  // namespace berth::image
