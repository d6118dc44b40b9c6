#include "engine/events/journal.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "engine/base/files.h"

namespace berth::events {
namespace {

class JournalTest : public testing::Test {
 protected:
    std::unique_ptr<Journal> open() { return Journal::open(path_, pool_).value(); }
    static Event event(int number) {
        return {"container",
                "start",
                std::to_string(number),
                {{"name", "a\nb"}},
                Timestamp(std::chrono::seconds(number)),
                "local"};
    }
    static std::vector<std::string> ids(const std::vector<Event>& events) {
        std::vector<std::string> out;
        for (const auto& event : events) out.push_back(event.actor_id);
        return out;
    }

    async::BlockingPool pool_{4};
    TempDir folder_ = TempDir::make().value();
    std::string path_ = folder_.path() + "/events.log";
};

TEST_F(JournalTest, IsReadBackInOrder) {
    EXPECT_TRUE(open()->read(10)->empty());
    {
        auto journal = open();
        for (int i = 0; i < 500; ++i) journal->record(event(i));
    }
    auto past = *open()->read(3);
    EXPECT_EQ((std::vector<std::string>{"497", "498", "499"}), ids(past));
    EXPECT_EQ("a\nb", past[0].attributes.at("name"));
    EXPECT_EQ(Timestamp(std::chrono::seconds(497)), past[0].time);
    EXPECT_EQ(500u, open()->read(1000)->size());
}

TEST_F(JournalTest, DamageIsPassedOver) {
    open()->record(event(1));
    auto text = *read_file(path_);
    ASSERT_TRUE(write_file(path_, "rubbish\n{\"time\":\"x\"}\n" + text + text.substr(0, 20)));
    auto journal = open();
    EXPECT_EQ(1u, journal->read(10)->size());
}

TEST_F(JournalTest, IsBounded) {
    {
        auto journal = open();
        Event big = event(0);
        big.attributes["x"] = std::string(10'000, 'x');
        for (int i = 0; i < 500; ++i) journal->record(big);
    }
    struct stat now{}, before{};
    ASSERT_EQ(0, ::stat(path_.c_str(), &now));
    ASSERT_EQ(0, ::stat((path_ + ".1").c_str(), &before));
    EXPECT_FALSE(exists(path_ + ".2"));
    EXPECT_GT(open()->read(1000)->size(), 50u);
}

}  // namespace
}  // namespace berth::events
