#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "registry/challenge.h"
#include "registry/choose_manifest.h"
#include "registry/credentials.h"
#include "registry/embedded_image.h"
#include "registry/hosts.h"
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

TEST(Challenge, ATokenRatherThanAPassword) {
    auto challenge = choose_challenge({"Negotiate", "Basic realm=x", "Bearer realm=\"https://a/t\""});
    EXPECT_EQ(challenge.realm, "https://a/t");
    EXPECT_EQ(choose_challenge({}).scheme, Challenge::Scheme::kUnknown);
}

TEST(Token, TheUrlCarriesServiceAndEachScope) {
    TokenRequest request{.service = "reg x", .scope = "repository:x:pull repository:y:pull"};
    EXPECT_EQ(token_url("https://a/token", request),
              "https://a/token?scope=repository%3Ax%3Apull&scope=repository%3Ay%3Apull&service=reg%20x");
    EXPECT_THAT(token_url("https://a/token?k=v", request), HasSubstr("token?k=v&scope="));
}

TEST(Token, TheFormOfAPasswordAndOfARefreshToken) {
    TokenRequest request{
        .service = "s", .scope = "r:x:pull", .account = "ann", .offline = true, .password = "p&q"};
    EXPECT_EQ(token_form(request),
              "access_type=offline&client_id=docker&grant_type=password&password=p%26q&scope=r%3Ax%3Apull&"
              "service=s&username=ann");
    request = {.service = "s", .refresh_token = "t"};
    EXPECT_EQ(token_form(request), "client_id=docker&grant_type=refresh_token&refresh_token=t&service=s");
}

TEST(Token, UnderEitherNameAndNeverALineBreak) {
    EXPECT_EQ(parse_token(R"({"token":"a","access_token":"b"})")->token, "a");
    EXPECT_EQ(parse_token(R"({"access_token":"b","refresh_token":"r"})")->refresh_token, "r");
    EXPECT_EQ(parse_token(R"({"token":"a","expires_in":300})")->lifetime, std::chrono::seconds(300));
    EXPECT_EQ(parse_token(R"({"token":"a","expires_in":1})")->lifetime, std::chrono::seconds(60));
    for (const char* body : {"", "[]", "{}", R"({"token":1})", R"({"token":""})", R"({"token":"a\r\nX: y"})"})
        EXPECT_FALSE(parse_token(body)) << body;
}

TEST(Credentials, AreForOneHost) {
    const Credentials own{.username = "ann"}, hub{.username = "ann", .server = "https://index.docker.io/v1/"},
        named{.username = "ann", .server = "https://reg.lan:5/v2/"};
    EXPECT_EQ(credentials_for(own, "reg.lan", "reg.lan").username, "ann");
    EXPECT_EQ(credentials_for(own, "mirror.lan", "docker.io").username, "");
    EXPECT_EQ(credentials_for(hub, "registry-1.docker.io", "docker.io").username, "ann");
    EXPECT_EQ(credentials_for(hub, "reg.lan:5", "reg.lan:5").username, "");
    EXPECT_EQ(credentials_for(named, "reg.lan:5", "reg.lan:5").username, "ann");
    EXPECT_EQ(credentials_for(named, "reg.lan", "reg.lan").username, "");
}

TEST(RegistryHosts, InsecureAreLoopbackAndWhatTheSettingsName) {
    RegistrySettings settings{.insecure = {"reg.lan", "other.lan:81", "http://third.lan:82", "10.1.0.0/16"}};
    auto insecure = [&](const char* domain) {
        return find_hosts(settings, domain, Purpose::kPush)->front().insecure;
    };
    for (const char* domain : {"127.0.0.1:5000", "127.9.9.9", "localhost:5000", "[::1]:5000", "reg.lan",
                               "other.lan:81", "third.lan:82", "10.1.2.3:5000"})
        EXPECT_TRUE(insecure(domain)) << domain;
    for (const char* domain : {"reg.lan:99", "other.lan:82", "10.2.0.1", "docker.io"})
        EXPECT_FALSE(insecure(domain)) << domain;
}

TEST(RegistryHosts, MirrorsServeDockerHubAlone) {
    RegistrySettings settings{.mirrors = {"http://127.0.0.1:81/a/v2/", "https://127.0.0.1:82"}};
    auto hosts = find_hosts(settings, "docker.io", Purpose::kPull);
    ASSERT_TRUE(hosts);
    ASSERT_EQ(hosts->size(), 3u);
    EXPECT_EQ((*hosts)[0].origin() + (*hosts)[0].prefix, "http://127.0.0.1:81/a");
    EXPECT_EQ((*hosts)[1].origin() + (*hosts)[1].prefix, "https://127.0.0.1:82");
    EXPECT_EQ((*hosts)[2].origin(), "https://registry-1.docker.io");
    EXPECT_EQ(find_hosts(settings, "docker.io", Purpose::kPush)->size(), 1u);
    EXPECT_EQ(find_hosts(settings, "localhost:1", Purpose::kPull)->size(), 1u);
}

TEST(RegistryAddress, TargetOfAUrl) {
    EXPECT_EQ(url_target("https://h:1/a/b?c=d#e"), "/a/b?c=d");
    EXPECT_EQ(url_target("https://h"), "/");
    EXPECT_EQ(url_target("https://h?x"), "/?x");
}

Error refused(unsigned status, const std::string& body) {
    return unexpected_status({status, "GET", "https://r/v2/x/manifests/1", body}).value();
}

TEST(RegistryError, TellsWhatTheRegistrySaid) {
    auto unknown =
        refused(404, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{}}]})");
    EXPECT_EQ(unknown.kind, ErrorKind::kNotFound);
    EXPECT_EQ(unknown.message,
              "unexpected status from GET request to https://r/v2/x/manifests/1: 404 Not Found: manifest "
              "unknown: manifest unknown");
    EXPECT_EQ(refused(429, "").kind, ErrorKind::kUnavailable);
    EXPECT_EQ(
        refused(403, R"({"errors":[{"code":"DENIED","message":"a\u001b[2Jb"}]})").message,
        "unexpected status from GET request to https://r/v2/x/manifests/1: 403 Forbidden: denied: a [2Jb");
    for (const char* body :
         {"", "<html>", "[]", R"({"errors":[]})", R"({"errors":[1]})", R"({"errors":{"code":"X"}})"})
        EXPECT_TRUE(refused(502, body).message.ends_with("502 Bad Gateway")) << body;
}

TEST(RegistryError, OfResolvingIsInDockersWords) {
    auto of = [](ErrorKind kind, const char* message) {
        return resolve_failure({kind, message}, "r/x:1", "r/x").value();
    };
    EXPECT_EQ(of(ErrorKind::kNotFound, "…").message,
              "failed to resolve reference \"r/x:1\": r/x:1: not found");
    EXPECT_EQ(of(ErrorKind::kUnauthorized, "authorization failed: no basic auth credentials").message,
              "failed to resolve reference \"r/x:1\": pull access denied, repository does not exist or may "
              "require authorization: authorization failed: no basic auth credentials");
    auto hidden = of(ErrorKind::kUnauthorized, "authorization failed: …");
    EXPECT_EQ(hidden.kind, ErrorKind::kNotFound);
    EXPECT_EQ(hidden.message,
              "pull access denied for r/x, repository does not exist or may require 'docker login'");
    EXPECT_EQ(of(ErrorKind::kUnavailable, "Head \"u\": EOF").kind, ErrorKind::kInternal);
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
    EXPECT_EQ(chosen.error().message,
              "no matching manifest for linux/amd64 in the manifest list entries: no match for platform in "
              "manifest: not found");
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
