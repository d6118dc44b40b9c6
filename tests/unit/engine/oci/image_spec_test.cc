#include "engine/oci/image_spec.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/oci/json_shape.h"

namespace berth::oci {
namespace {

const std::string kHex(64, 'a');

std::string descriptor(const std::string& type = "t") {
    return R"({"mediaType":")" + type + R"(","digest":"sha256:)" + kHex + R"(","size":3})";
}

std::string manifest(const std::string& extra = "") {
    return R"({"schemaVersion":2,"config":)" + descriptor() + R"(,"layers":[)" + descriptor() + "]" + extra +
           "}";
}

std::string index(const std::string& extra = "") {
    return R"({"schemaVersion":2,"manifests":[)" + descriptor() + "]" + extra + "}";
}

TEST(JsonShape, BoundsValuesAndDepthOutsideOfStrings) {
    EXPECT_TRUE(check_json_shape(R"({"a": ["[[[[", "\\"[", {"b": 1}]})"));
    EXPECT_TRUE(check_json_shape(std::string(60, '[') + std::string(60, ']')));
    EXPECT_EQ(check_json_shape(std::string(100, '[')).error().message, "the document is nested too deeply");
    std::string many = "[";
    for (int i = 0; i < 70000; ++i) many += "1,";
    EXPECT_EQ(check_json_shape(many + "1]").error().message, "the document has too many values");
    EXPECT_TRUE(check_json_shape("[\"" + std::string(100000, ',') + "\"]"));
}

TEST(ImageSpec, ReadsManifestsAndIndexes) {
    auto m = parse_document(manifest(), media::kOciManifest);
    ASSERT_TRUE(m);
    EXPECT_EQ(std::get<Manifest>(*m).layers.size(), 1u);
    EXPECT_TRUE(std::holds_alternative<Index>(*parse_document(index(), media::kDockerList)));
    // By shape when nobody said what it is.
    EXPECT_TRUE(std::holds_alternative<Manifest>(*parse_document(manifest(), "")));
    EXPECT_TRUE(std::holds_alternative<Index>(*parse_document(index(), "")));
}

TEST(ImageSpec, RefusesAmbiguousDocuments) {
    std::string config = R"(,"config":)" + descriptor();
    std::string own = R"(,"mediaType":")" + std::string(media::kOciIndex) + "\"";
    EXPECT_FALSE(parse_document(index(config), media::kOciIndex));
    EXPECT_FALSE(parse_document(index(R"(,"layers":[])"), ""));
    EXPECT_FALSE(parse_document(manifest(R"(,"manifests":[])"), media::kOciManifest));
    EXPECT_FALSE(parse_document(manifest(R"(,"fsLayers":[])"), media::kOciManifest));
    EXPECT_FALSE(parse_document(manifest(own), media::kOciManifest));
    EXPECT_FALSE(parse_document(manifest(), media::kOciIndex));
    EXPECT_FALSE(parse_document(manifest(), "text/html"));
    EXPECT_TRUE(parse_document(index(own), media::kOciIndex));
}

TEST(ImageSpec, RefusesSchema1Clearly) {
    auto refused = parse_document(R"({"schemaVersion":1,"fsLayers":[]})", media::kDockerSchema1Signed);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("schema 1"), std::string::npos);
}

TEST(ImageSpec, RefusesMalformedDocuments) {
    for (const std::string& text : std::vector<std::string>{
             "", "[]", "null", "{", "{}", R"({"schemaVersion":2,"config":3})",
             R"({"schemaVersion":2,"config":{}})", R"({"manifests":{}})", R"({"manifests":[1]})",
             R"({"manifests":[{"digest":"sha256:../../etc","size":1}]})",
             std::string(R"({"config":{"digest":"sha256:)") + kHex + R"(","size":-1}})",
             std::string(R"({"config":{"digest":"sha256:)") + kHex + R"(","size":"1"}})"}) {
        EXPECT_FALSE(parse_document(text, "")) << text;
    }
    // Depth is no way to overflow the stack.
    EXPECT_FALSE(parse_document(std::string(1'000'000, '['), ""));
}

// CVE-2014-9358, CVE-2021-21285, CVE-2024-3727: what is no digest gets into no path, wherever it is named.
TEST(ImageSpec, RefusesWhatIsNoDigest) {
    std::vector<std::string> bad{"",
                                 " ",
                                 ":",
                                 "sha256",
                                 "sha256:",
                                 ":" + kHex,
                                 kHex,
                                 "sha256:" + kHex + " ",
                                 " sha256:" + kHex,
                                 "sha256:" + kHex + "0",
                                 "sha256:" + kHex.substr(1),
                                 "SHA256:" + kHex,
                                 "sha256:sha256:" + kHex,
                                 "sha256-" + kHex,
                                 "sha256/" + kHex,
                                 "md5:" + kHex.substr(32),
                                 "sha1:" + kHex.substr(24),
                                 "sha256+b64:" + kHex,
                                 "sha256:\\u0000" + kHex.substr(1),
                                 "sha256:" + std::string(64, 'G'),
                                 "sha256:" + std::string(64, 'A'),
                                 "sha256:" + std::string(64, '.'),
                                 "sha256:" + std::string(64, '/'),
                                 "sha256:" + std::string(100'000, 'a')};
    for (const char* path :
         {"..", "../..", "/etc/passwd", "../../../../etc/passwd", "./x", "a/b", "%2e%2e"}) {
        for (const char* algorithm : {"", "sha256:", "sha512:", "../sha256:"})
            bad.push_back(algorithm + std::string(path));
    }
    for (std::size_t at : {0u, 31u, 63u}) {
        std::string one = kHex;
        bad.push_back("sha256:" + one.replace(at, 1, "/"));
    }
    EXPECT_GE(bad.size(), 50u);
    const std::string good = "sha256:" + kHex;
    for (const std::string& digest : bad) {
        auto with = [&](const std::string& text) {
            std::string out = text;
            return out.replace(out.find("BAD"), 3, digest);
        };
        const std::string other = R"({"mediaType":"x","digest":")" + good + R"(","size":1})";
        const std::string wrong = R"({"mediaType":"x","digest":"BAD","size":1})";
        EXPECT_FALSE(parse_document(with(R"({"config":)" + wrong + R"(,"layers":[]})"), "")) << digest;
        EXPECT_FALSE(parse_document(with(R"({"config":)" + other + R"(,"layers":[)" + wrong + "]}"), ""))
            << digest;
        EXPECT_FALSE(parse_document(with(R"({"manifests":[)" + wrong + "]}"), "")) << digest;
        EXPECT_FALSE(parse_image_config(with(R"({"rootfs":{"type":"layers","diff_ids":["BAD"]}})")))
            << digest;
    }
}

TEST(ImageSpec, ReadsConfigs) {
    auto config = parse_image_config(R"({"architecture":"amd64","os":"linux","created":"2023-11-14T22:13:20Z",
        "config":{"Cmd":["sh"]},"history":[{"created_by":"x","empty_layer":true}],
        "rootfs":{"type":"layers","diff_ids":["sha256:)" +
                                     kHex + R"("]}})");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->platform.text(), "linux/amd64");
    EXPECT_EQ(config->run, R"({"Cmd":["sh"]})");
    EXPECT_TRUE(config->history.at(0).empty_layer);
    EXPECT_EQ(config->diff_ids.size(), 1u);
    EXPECT_FALSE(parse_image_config(R"({"rootfs":{"diff_ids":["sha256:x"]}})"));
    EXPECT_FALSE(parse_image_config(R"({"config":[]})"));
    EXPECT_FALSE(parse_image_config(R"({"os":1})"));
}

TEST(ImageSpec, ChainsLayers) {
    auto a = sha256("a"), b = sha256("b");
    auto chain = chain_ids({a, b});
    EXPECT_EQ(chain.at(0), a);
    EXPECT_EQ(chain.at(1), sha256(a.text() + " " + b.text()));
    EXPECT_TRUE(chain_ids({}).empty());
}

}  // namespace
}  // namespace berth::oci
