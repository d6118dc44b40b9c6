#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "registry/challenge.h"
#include "registry/choose_manifest.h"
#include "registry/embedded_image.h"
#include "registry/endpoint.h"
#include "registry/progress_lines.h"
#include "registry/registry_error.h"

namespace berth::registry {
namespace {

using testing::HasSubstr;

TEST(Credentials, AreReadFromBase64OfEitherAlphabetWithAndWithoutPadding) {
    // {"username":"ann","password":"p>?"}
    EXPECT_EQ(parse_registry_auth("eyJ1c2VybmFtZSI6ImFubiIsInBhc3N3b3JkIjoicD4_In0=").password, "p>?");
    EXPECT_EQ(parse_registry_auth("eyJ1c2VybmFtZSI6ImFubiIsInBhc3N3b3JkIjoicD4/In0").username, "ann");
}

TEST(Credentials, OfNobodyAndBrokenOnesAreEmpty) {
    for (const char* header : {"", "e30=", "bnVsbA==", "!!!", "W10=", "eyJ1c2VybmFtZSI6MX0="})
        EXPECT_EQ(parse_registry_auth(header).username, "") << header;
}

TEST(Credentials, BasicAuthorizationIsPadded) {
    EXPECT_EQ(basic_authorization({"Aladdin", "open sesame"}), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    EXPECT_EQ(basic_authorization({"a", "b"}), "Basic YTpi");
    EXPECT_EQ(basic_authorization({"a", "bc"}), "Basic YTpiYw==");
}

TEST(Challenge, BearerWithQuotedParameters) {
    auto challenge = parse_challenge(
        R"(Bearer realm="https://auth.example/token",service="a, \"b\"" , scope="repository:x/y:pull,push")");
    EXPECT_EQ(challenge.scheme, Challenge::Scheme::kBearer);
    EXPECT_EQ(challenge.realm, "https://auth.example/token");
    EXPECT_EQ(challenge.service, "a, \"b\"");
    EXPECT_EQ(challenge.scope, "repository:x/y:pull,push");
}

TEST(Challenge, BasicInAnyCaseAndNonsense) {
    EXPECT_EQ(parse_challenge("bAsIc realm=x").scheme, Challenge::Scheme::kBasic);
    EXPECT_EQ(parse_challenge("Negotiate").scheme, Challenge::Scheme::kUnknown);
    EXPECT_EQ(parse_challenge("").scheme, Challenge::Scheme::kUnknown);
    EXPECT_EQ(parse_challenge("Bearer realm=\"open").realm, "open");
}

TEST(Challenge, TokenUrlCarriesServiceAndScope) {
    Challenge challenge{Challenge::Scheme::kBearer, "https://a/token", "reg x", ""};
    EXPECT_EQ(token_url(challenge, "repository:x:pull"),
              "https://a/token?service=reg%20x&scope=repository%3Ax%3Apull");
    challenge.realm += "?k=v";
    EXPECT_THAT(token_url(challenge, "s"), HasSubstr("token?k=v&service="));
}

TEST(Challenge, TokensUnderEitherName) {
    EXPECT_EQ(*parse_token(R"({"token":"a","access_token":"b"})"), "a");
    EXPECT_EQ(*parse_token(R"({"access_token":"b"})"), "b");
    for (const char* body : {"", "[]", "{}", R"({"token":1})", R"({"token":""})"})
        EXPECT_FALSE(parse_token(body)) << body;
}

TEST(RegistryAddress, PlainForLoopbackAndInsecureHostsOnly) {
    auto origin = [](const char* domain) {
        return registry_address(domain, {"reg.lan", "other.lan:81"})->origin;
    };
    EXPECT_EQ(origin("127.0.0.1:5000"), "http://127.0.0.1:5000");
    EXPECT_EQ(origin("127.9.9.9"), "http://127.9.9.9");
    EXPECT_EQ(origin("localhost:5000"), "http://localhost:5000");
    EXPECT_EQ(origin("[::1]:5000"), "http://[::1]:5000");
    EXPECT_EQ(origin("reg.lan:99"), "http://reg.lan:99");
    EXPECT_EQ(origin("other.lan:81"), "http://other.lan:81");
    EXPECT_EQ(origin("other.lan:82"), "https://other.lan:82");
    EXPECT_EQ(origin("127.0.0.1.example.com"), "https://127.0.0.1.example.com");
    EXPECT_EQ(origin("docker.io"), "https://registry-1.docker.io");
}

TEST(RegistryAddress, TargetOfAUrl) {
    EXPECT_EQ(url_target("https://h:1/a/b?c=d#e"), "/a/b?c=d");
    EXPECT_EQ(url_target("https://h"), "/");
    EXPECT_EQ(url_target("https://h?x"), "/?x");
}

class RegistryErrorTest : public testing::Test {
 protected:
    Error of(unsigned status, const std::string& body, const char* name = "127.0.0.1:5000/box:1") {
        return registry_error(status, body, *oci::Reference::parse(name)).value();
    }
};

TEST_F(RegistryErrorTest, IsInDockersWords) {
    auto unknown =
        of(404, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{}}]})");
    EXPECT_EQ(unknown.kind, ErrorKind::kNotFound);
    EXPECT_EQ(unknown.message,
              "manifest for 127.0.0.1:5000/box:1 not found: manifest unknown: manifest unknown");
    EXPECT_EQ(of(404, R"({"errors":[{"code":"NAME_UNKNOWN","message":"no such"}]})").message,
              "repository 127.0.0.1:5000/box not found: name unknown: no such");
    EXPECT_EQ(of(401, R"({"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]})").message,
              "unauthorized: authentication required");
    EXPECT_THAT(of(401, R"({"errors":[{"code":"UNAUTHORIZED"}]})", "nosuch").message,
                HasSubstr("pull access denied for nosuch, repository does not exist"));
}

TEST_F(RegistryErrorTest, SurvivesAnyBody) {
    for (const char* body :
         {"", "<html>", "[]", R"({"errors":[]})", R"({"errors":[1]})", R"({"errors":{"code":"X"}})"})
        EXPECT_EQ(of(502, body).message, "received unexpected HTTP status: 502") << body;
    EXPECT_EQ(of(404, "").kind, ErrorKind::kNotFound);
}

oci::Descriptor entry(std::string digit, std::optional<oci::Platform> platform) {
    std::string hex;
    while (hex.size() < 64) hex += digit;
    return {.media_type = std::string(oci::media::kOciManifest),
            .digest = Digest::from_hex(hex),
            .size = 1,
            .platform = std::move(platform)};
}

TEST(ChooseManifest, TakesTheBestForThePlatform) {
    oci::Index index{.manifests = {entry("0", {}), entry("1", oci::Platform{.architecture = "s390x"}),
                                   entry("2", oci::Platform{.architecture = "386"}),
                                   entry("3", oci::Platform{.architecture = "amd64"}),
                                   entry("4", oci::Platform{.architecture = "amd64"})}};
    auto chosen = choose_manifest(index, oci::Platform{.architecture = "amd64"});
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->digest, index.manifests[3].digest);
}

TEST(ChooseManifest, OneWithoutAPlatformIsTheLastResort) {
    oci::Index index{
        .manifests = {entry("1", oci::Platform{.architecture = "s390x"}), entry("2", {}), entry("3", {})}};
    auto chosen = choose_manifest(index, oci::Platform{.architecture = "amd64"});
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->digest, index.manifests[1].digest);
}

TEST(ChooseManifest, NeverAnAttestation) {
    oci::Index index{.manifests = {entry("1", {})}};
    index.manifests[0].annotations["vnd.docker.reference.type"] = "attestation-manifest";
    auto chosen = choose_manifest(index, oci::Platform{.architecture = "amd64"});
    ASSERT_FALSE(chosen);
    EXPECT_EQ(chosen.error().message, "no matching manifest for linux/amd64 in the manifest list entries");
}

TEST(ProgressLines, AreWhatTheClientDraws) {
    EXPECT_EQ(status_line("Digest: x"), R"({"status":"Digest: x"})");
    EXPECT_EQ(nlohmann::json::parse(progress_line("Downloading", "abc", 1, 2)),
              nlohmann::json::parse(
                  R"({"status":"Downloading","progressDetail":{"current":1,"total":2},"id":"abc"})"));
}

TEST(EmbeddedImage, IsThereForOneNameOnly) {
    auto archive = [](const std::string& name) {
        return embedded_archive(oci::Reference::parse(name)->with_default_tag());
    };
    EXPECT_NE(archive("hello-world").find("manifest.json"), std::string_view::npos);
    EXPECT_EQ(archive("docker.io/library/hello-world:latest"), archive("hello-world"));
    EXPECT_TRUE(archive("hello-world:linux").empty());
    EXPECT_TRUE(archive("127.0.0.1:5000/hello-world").empty());
    EXPECT_TRUE(archive("hello-world:latest@sha256:" + std::string(64, 'a')).empty());
}

}  // namespace
}  // namespace berth::registry
