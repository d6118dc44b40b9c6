#include "engine/logs/json_text.h"

#include <gtest/gtest.h>

#include "engine/logs/json_record.h"

namespace berth::logs {
namespace {

std::string escaped(std::string_view text) {
    std::string out;
    append_escaped(out, text);
    return out;
}

// Texts are looked at in blocks: whatever a block's length, no byte at no place is taken for another.
TEST(JsonText, EveryByteAtEveryPlace) {
    for (std::size_t size = 1; size <= 40; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            for (int byte = 0; byte < 0x80; ++byte) {
                std::string text(size, 'x');
                text[at] = static_cast<char>(byte);
                std::string record;
                append_json_record(record, Stream::kStdout, now(), text, true, "");
                Record read;
                ASSERT_TRUE(take_json_record(record, read).good) << record;
                ASSERT_EQ(read.text, text);
                const bool plain = byte >= 0x20 && std::string_view("\"\\<>&").find(
                                                       static_cast<char>(byte)) == std::string_view::npos;
                ASSERT_EQ(escaped(text).size() == size, plain) << byte << " at " << at;
            }
        }
    }
}

TEST(JsonText, WhatIsNoUtf8) {
    for (std::size_t before = 0; before < 34; ++before) {
        const std::string text = std::string(before, 'a') + "\xC3\xA9";
        EXPECT_TRUE(is_utf8(text));
        EXPECT_EQ(escaped(text), text);
        EXPECT_FALSE(is_utf8(text.substr(0, before + 1)));
        EXPECT_EQ(escaped(text.substr(0, before + 1)), std::string(before, 'a') + "\\ufffd");
        EXPECT_EQ(escaped(std::string(before, 'a') + "\xE2\x80\xA8"), std::string(before, 'a') + "\\u2028");
    }
}

TEST(JsonText, ViewsOfTexts) {
    JsonScanner scan(R"( "plain", "a\tb", "never ends)");
    std::string_view view;
    std::string unescaped;
    ASSERT_TRUE(scan.take_view(view, unescaped));
    EXPECT_EQ(view, "plain");
    EXPECT_TRUE(unescaped.empty());
    ASSERT_TRUE(scan.take(',') && scan.take_view(view, unescaped));
    EXPECT_EQ(view, "a\tb");
    ASSERT_TRUE(scan.take(','));
    EXPECT_FALSE(scan.take_view(view, unescaped));
}

}  // namespace
}  // namespace berth::logs
