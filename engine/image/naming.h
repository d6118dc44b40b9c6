#pragma once

#include <optional>

#include "engine/content/content_store.h"
#include "engine/events/event.h"
#include "engine/image/references.h"
#include "engine/oci/reference.h"

namespace berth::image {

// Names and the events that tell of them. Any thread.
class Naming {
 public:
    Naming(References& references, content::ContentStore& content, events::EventSink& events)
        : references_(references), content_(content), events_(events) {}

    // Points a name at a target. The image that had the name and has no other stays, as <none>. `parent`: as
    // in NamedTarget; without one it has what its other names have.
    Result<> point(const std::string& name, const Digest& target, const std::string& media_type,
                   std::string parent = "");
    // An image made here gets its name, or dangles.
    Result<> name_made(const std::optional<oci::Reference>& reference, const Digest& id,
                       const std::string& parent = "");
    // With the image's labels among the attributes.
    void publish(const char* action, const Digest& target, const std::string& name);

 private:
    References& references_;
    content::ContentStore& content_;
    events::EventSink& events_;
};

}  // namespace berth::image
