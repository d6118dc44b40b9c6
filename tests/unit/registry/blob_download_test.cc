#include "registry/blob_download.h"

#include <gtest/gtest.h>

#include "engine/async/spawn.h"
#include "engine/base/files.h"
#include "engine/http/server.h"

namespace berth::registry {
namespace {

// A registry on a real socket that misbehaves as a test wishes.
struct Host {
    std::string blob;
    bool ranges = true;
    int drops = 0;  // how many answers break off in the middle
    int requests = 0;
    std::vector<std::string> asked_from;
    std::size_t stall_after = 0;  // bytes; 0: never
    int stalls = 1000;            // how many answers do

    Async<void> answer(http::Request& request, http::Responder& responder) {
        ++requests;
        std::string range(request.headers.get("Range"));
        asked_from.push_back(range);
        std::size_t from = 0;
        if (ranges && !range.empty()) from = std::stoul(range.substr(6));
        std::string bytes = blob.substr(from);
        http::Headers headers;
        unsigned status = from > 0 ? 206 : 200;
        if (stall_after > 0 && stalls-- > 0) {
            auto begun = co_await responder.begin(status, headers);
            std::string some = bytes.substr(0, stall_after);
            auto sent = co_await responder.write(std::move(some));
            if (begun && sent) co_await responder.client_gone();
            co_return;
        }
        if (drops > 0) {
            --drops;
            auto begun = co_await responder.begin(status, headers);
            std::string half = bytes.substr(0, bytes.size() / 2);
            auto sent = co_await responder.write(std::move(half));
            if (begun && sent) throw std::runtime_error("the line is dropped");
            co_return;
        }
        auto sent = co_await responder.send(status, headers, std::move(bytes));
        (void)sent;
    }
};

class BlobDownloadTest : public testing::Test {
 protected:
    void SetUp() override {
        auto made = TempDir::make();
        ASSERT_TRUE(made);
        dir_.emplace(std::move(*made));
        auto store = content::open_content_store(dir_->path());
        ASSERT_TRUE(store);
        content_ = std::move(*store);
        host_.blob.assign(3 << 20, 'x');
        for (std::size_t i = 0; i < host_.blob.size(); i += 4096) host_.blob[i] = static_cast<char>(i >> 12);
        auto port = server_.listen_tcp("127.0.0.1:0");
        ASSERT_TRUE(port);
        const auto domain = "127.0.0.1:" + std::to_string(*port);
        RegistryHost host{.scheme = "http", .authority = domain};
        auto wire = async::block_on(io_, Wire::open(io_, settings_, host, Credentials{}));
        ASSERT_TRUE(wire);
        repository_.emplace(*wire, "box");
    }
    void TearDown() override {
        repository_.reset();
        async::block_on(io_, server_.drain(1));
    }
    Result<> fetch(const Digest& digest, std::int64_t size) {
        BlobDownload download{*repository_, *content_, pool_};
        return async::block_on(io_, download.run({.digest = digest, .size = size}, [](std::uint64_t) {}));
    }
    std::size_t leftovers() { return list_folder(dir_->path() + "/partial")->size(); }

    std::shared_ptr<RegistrySettings> settings_ = std::make_shared<RegistrySettings>();
    IoContext io_;
    async::BlockingPool pool_{2};
    Host host_;
    http::Server server_{io_, [this](http::Request& request, http::Responder& responder) {
                             return host_.answer(request, responder);
                         }};
    std::optional<TempDir> dir_;
    std::unique_ptr<content::ContentStore> content_;
    std::optional<Repository> repository_;
};

TEST_F(BlobDownloadTest, TakesUpABrokenDownloadWhereItBroke) {
    host_.drops = 2;
    const auto digest = sha256(host_.blob);
    auto fetched = fetch(digest, static_cast<std::int64_t>(host_.blob.size()));
    ASSERT_TRUE(fetched) << fetched.error().message;
    EXPECT_TRUE(content_->has(digest));
    ASSERT_EQ(host_.requests, 3);
    EXPECT_EQ(host_.asked_from[0], "");
    EXPECT_EQ(host_.asked_from[1], "bytes=" + std::to_string(host_.blob.size() / 2) + "-");
}

TEST_F(BlobDownloadTest, StartsOverWhereThereAreNoRanges) {
    host_.drops = 1;
    host_.ranges = false;
    const auto digest = sha256(host_.blob);
    auto fetched = fetch(digest, static_cast<std::int64_t>(host_.blob.size()));
    ASSERT_TRUE(fetched) << fetched.error().message;
    EXPECT_TRUE(content_->has(digest));
}

TEST_F(BlobDownloadTest, RefusesOtherBytesAndKeepsNothing) {
    auto fetched = fetch(sha256("something else"), static_cast<std::int64_t>(host_.blob.size()));
    ASSERT_FALSE(fetched);
    EXPECT_NE(fetched.error().message.find("verification failed"), std::string::npos);
    EXPECT_EQ(host_.requests, 1);
    EXPECT_TRUE(content_->list()->empty());
    EXPECT_EQ(leftovers(), 0u);
}

TEST_F(BlobDownloadTest, StopsAtMoreBytesThanPromised) {
    auto fetched = fetch(sha256(host_.blob), 1000);
    ASSERT_FALSE(fetched);
    EXPECT_EQ(host_.requests, 1);
    EXPECT_EQ(leftovers(), 0u);
}

TEST_F(BlobDownloadTest, GivesUpOnAPeerThatIsSilent) {
    settings_->patience = std::chrono::milliseconds(100);
    host_.stall_after = 10;
    auto fetched = fetch(sha256(host_.blob), static_cast<std::int64_t>(host_.blob.size()));
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().kind, ErrorKind::kDeadlineExceeded);
}

TEST_F(BlobDownloadTest, AsksAPeerThatStallsOnceMore) {
    const auto digest = sha256(host_.blob);
    settings_->patience = std::chrono::milliseconds(3000);
    host_.stall_after = 5000;
    host_.stalls = 1;
    auto fetched = fetch(digest, static_cast<std::int64_t>(host_.blob.size()));
    ASSERT_TRUE(fetched) << fetched.error().message;
    EXPECT_EQ(host_.asked_from, (std::vector<std::string>{"", "bytes=5000-"}));
}

TEST_F(BlobDownloadTest, APeerThatSendsAByteEachTimeGetsNowhere) {
    settings_->patience = std::chrono::milliseconds(600);
    host_.stall_after = 1;
    auto fetched = fetch(sha256(host_.blob), static_cast<std::int64_t>(host_.blob.size()));
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().kind, ErrorKind::kDeadlineExceeded);
    EXPECT_LE(host_.requests, 3);
}

TEST_F(BlobDownloadTest, WhatCameIsKeptForTheNextTry) {
    const auto digest = sha256(host_.blob);
    settings_->patience = std::chrono::milliseconds(100);
    host_.stall_after = 100;
    EXPECT_FALSE(fetch(digest, static_cast<std::int64_t>(host_.blob.size())));
    host_.stall_after = 0;
    auto fetched = fetch(digest, static_cast<std::int64_t>(host_.blob.size()));
    ASSERT_TRUE(fetched) << fetched.error().message;
    EXPECT_EQ(host_.asked_from.back(), "bytes=100-");
}

}  // namespace
}  // namespace berth::registry
