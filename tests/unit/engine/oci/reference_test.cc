#include "engine/oci/reference.h"

#include <gtest/gtest.h>

namespace berth::oci {
namespace {

const std::string kHex(64, 'a');

TEST(Reference, NormalisesAsDockerDoes) {
    struct Case {
        std::string typed, full, familiar;
    };
    for (const auto& [typed, full, familiar] : std::vector<Case>{
             {"busybox", "docker.io/library/busybox", "busybox"},
             {"busybox:1", "docker.io/library/busybox:1", "busybox:1"},
             {"library/busybox", "docker.io/library/busybox", "busybox"},
             {"docker.io/busybox", "docker.io/library/busybox", "busybox"},
             {"index.docker.io/busybox", "docker.io/library/busybox", "busybox"},
             {"library/a/b", "docker.io/library/a/b", "library/a/b"},
             {"user/app", "docker.io/user/app", "user/app"},
             {"localhost/app", "localhost/app", "localhost/app"},
             {"localhost:5000/app:2", "localhost:5000/app:2", "localhost:5000/app:2"},
             {"127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b"},
             {"[::1]:5000/app", "[::1]:5000/app", "[::1]:5000/app"},
             {"Host/app", "Host/app", "Host/app"},
             {"a__b/c-d---e.f", "docker.io/a__b/c-d---e.f", "a__b/c-d---e.f"},
             {"app@sha256:" + kHex, "docker.io/library/app@sha256:" + kHex, "app@sha256:" + kHex},
             {"app:1@sha256:" + kHex, "docker.io/library/app:1@sha256:" + kHex, "app:1@sha256:" + kHex},
         }) {
        auto parsed = Reference::parse(typed);
        ASSERT_TRUE(parsed) << typed << ": " << parsed.error().message;
        EXPECT_EQ(parsed->text(), full);
        EXPECT_EQ(parsed->familiar(), familiar);
        EXPECT_EQ(*Reference::parse(parsed->text()), *parsed);
    }
    EXPECT_EQ(Reference::parse("x")->with_default_tag().familiar(), "x:latest");
    EXPECT_EQ(Reference::parse("x:1")->with_default_tag().familiar(), "x:1");
}

TEST(Reference, RefusesWithDockersTexts) {
    const std::string kFormat = "invalid reference format";
    struct Case {
        std::string typed, message;
    };
    for (const auto& [typed, message] : std::vector<Case>{
             {"", kFormat},
             {"UPPER", kFormat + ": repository name (library/UPPER) must be lowercase"},
             {"user/UPPER:x", kFormat + ": repository name (user/UPPER) must be lowercase"},
             {"a:", kFormat},
             {":a", kFormat},
             {"a//b", kFormat},
             {"a/", kFormat},
             {"/a", kFormat},
             {"a..b", kFormat},
             {"a___b", kFormat},
             {"-a", kFormat},
             {"a-", kFormat},
             {"a b", kFormat},
             {"a:b:c", kFormat},
             {"a:-b", kFormat},
             {"a:" + std::string(129, 'x'), kFormat},
             {"host:port/x", kFormat},
             {"../x", kFormat},
             {"a@", kFormat},
             {"a@sha256:3e7366168dba", kFormat},
             {"a@sha256:" + std::string(40, 'a'), "invalid checksum digest length"},
             {"a@sha256:" + std::string(64, 'A'), "invalid checksum digest format"},
             {"a@md5:" + std::string(32, 'a'), "unsupported digest algorithm"},
             {std::string(256, 'a'), "repository name must not be more than 255 characters"},
             {kHex, "invalid repository name (" + kHex + "), cannot specify 64-byte hexadecimal strings"},
             {std::string("a\0b", 3), kFormat},
         }) {
        auto parsed = Reference::parse(typed);
        ASSERT_FALSE(parsed) << typed;
        EXPECT_EQ(parsed.error().message, message) << typed;
        EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalidArgument);
    }
    EXPECT_EQ(Reference::parse("x")->with_tag("1/2").error().message, "invalid tag format");
}

TEST(Reference, KnowsWhatMayBeAnId) {
    EXPECT_EQ(id_prefix("deadbeef"), "deadbeef");
    EXPECT_EQ(id_prefix("sha256:deadbeef"), "deadbeef");
    for (auto text : {"", "abc", "sha256:abc", "DEADBEEF", "deadbeef:latest", "busybox"}) {
        EXPECT_EQ(id_prefix(text), "") << text;
    }
    EXPECT_EQ(whole_id(kHex)->hex(), kHex);
    EXPECT_EQ(whole_id("sha256:" + kHex)->hex(), kHex);
    EXPECT_FALSE(whole_id("sha256:" + kHex.substr(1)));
}

}  // namespace
}  // namespace berth::oci
