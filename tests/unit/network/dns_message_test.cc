#include "network/names/dns_message.h"

#include <gtest/gtest.h>

#include <random>

#include "network/names/names_file.h"

namespace berth::network {
namespace {

std::string query(std::string_view name, std::uint16_t type, std::string_view more = {}) {
    std::string text("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00", 11);
    text += more.empty() ? '\0' : '\1';
    text += *dns::encode_name(name);
    text += {'\0', static_cast<char>(type), '\0', '\1'};
    return text + std::string(more);
}

TEST(DnsMessage, ReadsAQuestion) {
    const auto text = query("Web.Example", dns::kA);
    const auto question = dns::parse_question(text);
    ASSERT_TRUE(question);
    EXPECT_EQ(question->name, "web.example");
    EXPECT_EQ(question->id, 0x1234);
    EXPECT_EQ(question->end, text.size());
    EXPECT_EQ(question->limit, 512u);
    const auto edns = query("a", dns::kAaaa, std::string_view("\0\0\x29\x10\0\0\0\0\0\0\0", 11));
    EXPECT_EQ(dns::parse_question(edns)->limit, 4096u);
}

TEST(DnsMessage, RefusesWhatIsNone) {
    const auto good = query("web", dns::kA);
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_FALSE(dns::parse_question(good.substr(0, size))) << size;
    auto answer = good;
    answer[2] = static_cast<char>(0x81);
    EXPECT_FALSE(dns::parse_question(answer)) << "an answer";
    auto compressed = good;
    compressed[12] = static_cast<char>(0xc0);
    EXPECT_FALSE(dns::parse_question(compressed)) << "a pointer";
    std::mt19937 random(1);
    for (int i = 0; i < 20000; ++i) {
        auto noise = good;
        for (int n = 0; n < 4; ++n) noise[random() % noise.size()] = static_cast<char>(random());
        const auto question = dns::parse_question(noise);
        EXPECT_TRUE(!question || question->end <= noise.size());
    }
}

TEST(DnsMessage, AnswersAndTruncates) {
    const auto text = query("web", dns::kA);
    const auto question = *dns::parse_question(text);
    const std::vector<dns::Record> two(2, {dns::kA, std::string("\x0a\0\0\1", 4)});
    const auto whole = dns::make_answer(text, question, dns::kNoError, two, 512);
    EXPECT_EQ(whole.size(), text.size() + 2 * 16);
    EXPECT_EQ(dns::code_of(whole), dns::kNoError);
    EXPECT_TRUE(dns::same_question(text, question, whole));
    EXPECT_FALSE(dns::same_question(text, question, query("wob", dns::kA)));
    const std::vector<dns::Record> many(100, two[0]);
    const auto cut = dns::make_answer(text, question, dns::kNoError, many, 512);
    EXPECT_LE(cut.size(), 512u);
    EXPECT_TRUE(cut[2] & 0x02);
}

TEST(DnsMessage, Names) {
    EXPECT_EQ(dns::encode_name("a.bc"), std::string("\1a\2bc\0", 6));
    EXPECT_FALSE(dns::encode_name("a..b"));
    EXPECT_FALSE(dns::encode_name(std::string(64, 'a')));
    EXPECT_EQ(dns::reverse_address("4.3.2.1.in-addr.arpa"), "\1\2\3\4");
    for (const char* bad :
         {"3.2.1.in-addr.arpa", "a.3.2.1.in-addr.arpa", "256.3.2.1.in-addr.arpa", "x", "1.ip6.arpa"})
        EXPECT_FALSE(dns::reverse_address(bad)) << bad;
    std::string v6;
    for (int i = 0; i < 31; ++i) v6 += i == 0 ? "1." : "0.";
    EXPECT_EQ(dns::reverse_address(v6 + "f.ip6.arpa")->size(), 16u);
}

TEST(NamesFile, RoundTrip) {
    const NetworkNames names{"net", {{"10.0.0.2", "", {"web", "www"}}, {"", "fd00::2", {"six", "a b"}}}};
    const auto back = parse_network_names(render(names));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->network, "net");
    ASSERT_EQ(back->endpoints.size(), 2u);
    EXPECT_EQ(back->endpoints[0].names, (std::vector<std::string>{"web", "www"}));
    EXPECT_EQ(back->endpoints[1].names, (std::vector<std::string>{"six"}))
        << "what would break the line is left out";
    const auto box = parse_sandbox_names(
        render(SandboxNames{{"id"}, {{"db", "db1"}}, {"1.1.1.1"}, SandboxNames::Ask::kHost}));
    ASSERT_TRUE(box);
    EXPECT_EQ(box->servers, std::vector<std::string>{"1.1.1.1"});
    EXPECT_EQ(box->links.at(0).second, "db1");
    EXPECT_EQ(box->ask, SandboxNames::Ask::kHost);
    EXPECT_FALSE(parse_sandbox_names("names 1\n"));
}

}  // namespace
}  // namespace berth::network
