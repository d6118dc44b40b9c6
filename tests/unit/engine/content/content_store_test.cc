#include "engine/content/content_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "engine/base/files.h"

namespace berth::content {
namespace {

class ContentStoreTest : public testing::Test {
 protected:
    TempDir dir_ = *TempDir::make();
    std::unique_ptr<ContentStore> store_ = *open_content_store(dir_.path());

    Result<Digest> put(std::string_view bytes, const Digest* digest = nullptr, std::int64_t size = -1) {
        BERTH_TRY(auto ingest, store_->ingest());
        BERTH_CHECK(ingest->write(bytes.substr(0, bytes.size() / 2)));
        BERTH_CHECK(ingest->write(bytes.substr(bytes.size() / 2)));
        return ingest->commit(digest, size);
    }
    std::size_t ingests() { return list_folder(dir_.path() + "/ingest")->size(); }
};

TEST_F(ContentStoreTest, GivesBackWhatWasCommitted) {
    Digest expected = sha256("hello");
    EXPECT_EQ(*put("hello", &expected, 5), expected);
    EXPECT_EQ(*put("hello"), expected);
    EXPECT_TRUE(store_->has(expected));
    EXPECT_EQ(*store_->size(expected), 5u);
    EXPECT_EQ(*store_->read(expected), "hello");
    EXPECT_FALSE(store_->read(expected, 4));
    EXPECT_EQ(*read_all(store_->open(expected)->get()), "hello");
    EXPECT_EQ(*store_->list(), std::vector<Digest>{expected});
    EXPECT_EQ(ingests(), 0u);
    struct stat status{};
    ASSERT_EQ(::stat((dir_.path() + "/blobs/sha256/" + std::string(expected.hex())).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST_F(ContentStoreTest, RefusesWhatDiffersAndLeavesNothing) {
    Digest other = sha256("other");
    auto wrong = put("hello", &other);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_EQ(wrong.error().message,
              "unexpected commit digest: expected " + other.text() + ", got " + sha256("hello").text());
    EXPECT_FALSE(put("hello", nullptr, 6));
    EXPECT_TRUE(store_->list()->empty());
    EXPECT_EQ(ingests(), 0u);
    {
        ASSERT_TRUE(store_->ingest());
    }
    EXPECT_EQ(ingests(), 0u);
}

TEST_F(ContentStoreTest, MissingBlobs) {
    Digest digest = sha256("x");
    EXPECT_FALSE(store_->has(digest));
    EXPECT_EQ(store_->open(digest).error().kind, ErrorKind::kNotFound);
    EXPECT_EQ(store_->read(digest).error().kind, ErrorKind::kNotFound);
    EXPECT_EQ(store_->size(digest).error().kind, ErrorKind::kNotFound);
    EXPECT_TRUE(store_->remove(digest));
}

TEST_F(ContentStoreTest, OpeningRemovesWhatACrashLeft) {
    Digest kept = *put("kept");
    ASSERT_TRUE(write_file(dir_.path() + "/ingest/half", "…"));
    store_ = *open_content_store(dir_.path());
    EXPECT_EQ(ingests(), 0u);
    EXPECT_TRUE(store_->has(kept));
}

class ResumeTest : public ContentStoreTest {
 protected:
    Digest digest_ = sha256("hello world");
    void leave(std::string_view bytes) {
        auto ingest = store_->resume(digest_);
        ASSERT_TRUE(ingest);
        ASSERT_TRUE((*ingest)->write(bytes));
    }
    std::size_t partials() { return list_folder(dir_.path() + "/partial")->size(); }
};

TEST_F(ResumeTest, GoesOnWhereAnEarlierOneStoppedAlsoAfterARestart) {
    leave("hello ");
    store_ = *open_content_store(dir_.path());
    auto ingest = store_->resume(digest_);
    ASSERT_TRUE(ingest);
    EXPECT_EQ((*ingest)->size(), 6u);
    ASSERT_TRUE((*ingest)->write("world"));
    EXPECT_TRUE((*ingest)->commit(&digest_, 11));
    EXPECT_EQ(*store_->read(digest_), "hello world");
}

TEST_F(ResumeTest, IsKeptBesideItsBlobUntilItIsDropped) {
    leave("hello world");
    ASSERT_TRUE((*store_->resume(digest_))->commit(&digest_, 11));
    ASSERT_TRUE(store_->remove(digest_));
    EXPECT_FALSE(store_->has(digest_));
    // A collected blob comes back without a byte being fetched.
    ASSERT_TRUE((*store_->resume(digest_))->commit(&digest_, 11));
    EXPECT_TRUE(store_->drop_partial(digest_));
    EXPECT_TRUE(store_->drop_partial(digest_));
    EXPECT_EQ(partials(), 0u);
    EXPECT_EQ(*store_->read(digest_), "hello world");
}

TEST_F(ResumeTest, WrongBytesAreThrownAway) {
    leave("other bytes");
    auto committed = (*store_->resume(digest_))->commit(&digest_, 11);
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_EQ(partials(), 0u);
    EXPECT_EQ((*store_->resume(digest_))->size(), 0u);
}

TEST_F(ResumeTest, OneAtATimeAndWhatIsOpenIsNotDropped) {
    auto ingest = store_->resume(digest_);
    ASSERT_TRUE(ingest);
    auto second = store_->resume(digest_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
    EXPECT_TRUE(store_->drop_partials());
    EXPECT_EQ(partials(), 1u);
    ingest->reset();
    EXPECT_TRUE(store_->drop_partials());
    EXPECT_EQ(partials(), 0u);
}

}  // namespace
}  // namespace berth::content
