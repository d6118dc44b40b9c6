#pragma once

#include <span>

#include "engine/image/catalog.h"

namespace berth::image {

// `docker rmi` by the rules of Docker's containerd image store: a name is untagged, along with the digests of
// its repository once no other tag of it is left; the last name, or an id, takes the image along unless
// containers or other names are in the way. With it go the images without a name that it was made of here,
// one after the other, as long as no container uses them. What nobody names any more is left to the
// collector.
class Removal {
 public:
    Removal(Catalog& catalog, References& references, events::EventSink& events)
        : catalog_(catalog), references_(references), events_(events) {}

    Result<std::vector<RemovedImage>> run(const std::string& text, bool force, bool prune_parents,
                                          const std::vector<ImageService::User>& users);

    // What is left of the index stays under its names; other images that have the same manifests lose them
    // too.
    Result<std::vector<RemovedImage>> remove_platforms(content::ContentStore& content,
                                                       const std::string& text,
                                                       const std::vector<oci::Platform>& platforms);

 private:
    Result<std::vector<RemovedImage>> untag(const std::vector<NamedTarget>& names);
    Result<std::vector<RemovedImage>> remove_all(const Found& found,
                                                 std::span<const ImageService::User> users, bool forced,
                                                 bool names_conflict);
    Result<std::vector<RemovedImage>> choose(const std::string& text, const Found& found, bool force,
                                             const std::vector<ImageService::User>& users);
    Result<> remove_parents(std::string parent, const std::vector<ImageService::User>& users,
                            std::vector<RemovedImage>& removed);
    void publish(const char* action, const Digest& target, const std::string& name);

    Catalog& catalog_;
    References& references_;
    events::EventSink& events_;
};

}  // namespace berth::image
