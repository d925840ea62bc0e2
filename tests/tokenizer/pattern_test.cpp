#include "energy_lens/tokenizer/pattern.h"

#include <gtest/gtest.h>

#include <chrono>

#include "energy_lens/core/error.h"
#include "energy_lens/tokenizer/regex_dialect.h"
#include "energy_lens/tokenizer/split.h"

namespace energy_lens {
namespace {

std::vector<std::string> cut(const Pattern& pattern, const std::string& text,
                             SplitBehavior behavior = SplitBehavior::Isolated) {
  std::vector<std::string> pieces;
  for (const Range& piece : split(stretches(pattern.find(text), text.size()), behavior)) {
    pieces.push_back(text.substr(piece.begin, piece.end - piece.begin));
  }
  return pieces;
}

using Texts = std::vector<std::string>;

TEST(Pattern, CutsLikeGpt2) {
  EXPECT_EQ(cut(gpt2_pattern(), "I'll  see 42 d\xC3\xA9j\xC3\xA0-vus!  \n"),
            (Texts{"I", "'ll", " ", " see", " 42", " d\xC3\xA9j\xC3\xA0", "-", "vus", "!", "  \n"}));
}

TEST(Pattern, BytesThatAreNotUtf8MatchNothing) {
  EXPECT_EQ(cut(gpt2_pattern(), "a\xFF\xFE z"), (Texts{"a", "\xFF\xFE", " z"}));
}

TEST(Pattern, MatchesOfNothingEndAndDoNotFollowAMatch) {
  const std::vector<Range> expected = {{0, 1}, {2, 2}, {3, 3}};
  EXPECT_EQ(Pattern::regex("x*").find("xab"), expected);
}

TEST(Split, BehavesAsNamed) {
  const Pattern dash = Pattern::literal("-");
  const std::string text = "the-final--countdown";
  EXPECT_EQ(cut(dash, text, SplitBehavior::Removed), (Texts{"the", "final", "countdown"}));
  EXPECT_EQ(cut(dash, text, SplitBehavior::Isolated), (Texts{"the", "-", "final", "-", "-", "countdown"}));
  EXPECT_EQ(cut(dash, text, SplitBehavior::MergedWithPrevious), (Texts{"the-", "final-", "-", "countdown"}));
  EXPECT_EQ(cut(dash, text, SplitBehavior::MergedWithNext), (Texts{"the", "-final", "-", "-countdown"}));
  EXPECT_EQ(cut(dash, text, SplitBehavior::Contiguous), (Texts{"the", "-", "final", "--", "countdown"}));
  EXPECT_THROW(parse_split_behavior("Shredded"), Error);
}

TEST(RegexDialect, RewritesWhatTheEnginesReadDifferently) {
  EXPECT_EQ(to_pcre2(R"(\p{Han}\p{^L}\u3040\v)"), R"(\p{sc:Han}\P{L}\x{3040}\x{0B})");
  const std::string mongolian_separator = "\xE1\xA0\x8E";
  EXPECT_TRUE(Pattern::regex(R"(\s|[\s])").find(mongolian_separator).empty());
  EXPECT_EQ(Pattern::regex(R"(\S)").find(mongolian_separator).size(), 1u);
  EXPECT_EQ(Pattern::regex(R"([\S])").find(mongolian_separator).size(), 1u);
}

TEST(RegexDialect, RefusesByNameWhatItDoesNotTranslate) {
  const std::vector<std::pair<const char*, const char*>> refused = {{"^a", "anchor ^"},
                                                                    {"a$", "anchor $"},
                                                                    {"(?<n>a)", "group"},
                                                                    {"(?x)a", "group"},
                                                                    {"a{,3}", "brace"},
                                                                    {"a{2}?", "{n}?"},
                                                                    {"a{1,2}+", "possessive"},
                                                                    {"a**", "quantifier of"},
                                                                    {"[[:alpha:]]", "a set"},
                                                                    {"[a&&b]", "intersection"},
                                                                    {"[]a]", "']' first"},
                                                                    {"[a", "does not end"},
                                                                    {R"(\w)", R"('\w')"},
                                                                    {R"(\h)", R"('\h')"},
                                                                    {R"(a\1)", R"('\1')"},
                                                                    {R"(\bx)", R"('\b')"},
                                                                    {R"(\p{L&})", "property"},
                                                                    {R"(\xE3)", "escape"},
                                                                    {"(?i:ss)", "fold"},
                                                                    {"(?i:\xC3\xA9)", "fold"},
                                                                    {"(?i:[a])", "without case"},
                                                                    {"a)", "closing bracket"},
                                                                    {R"([a-\s])", "range"},
                                                                    {R"([\s-a])", "range"},
                                                                    {R"(\)", "escape"},
                                                                    {R"((?i:\p{Lu}))", "without case"},
                                                                    {R"((?i:\u00DF))", "without case"}};
  for (const auto& [expression, name] : refused) {
    try {
      to_pcre2(expression);
      ADD_FAILURE() << expression << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::BadInput);
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << expression << ": " << error.what();
    }
  }
}

TEST(Pattern, HostileExpressionsAreRefusedInBoundedTime) {
  EXPECT_THROW(Pattern::regex("((a{999}){999}){999}"), Error);
  EXPECT_THROW(Pattern::regex(std::string(100'000, 'a')), Error);
  EXPECT_THROW(Pattern::regex(std::string(1000, '(') + std::string(1000, ')')), Error);
  EXPECT_THROW(Pattern::regex("(?<=a*)b"), Error);
  const auto start = std::chrono::steady_clock::now();
  try {
    Pattern::regex("(a|aa)+b(?!c)").find(std::string(4000, 'a') + " b");
    ADD_FAILURE() << "an exponential search came to an end";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::BadInput);
    EXPECT_NE(std::string(error.what()).find("gave up"), std::string::npos);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

}  // namespace
}  // namespace energy_lens
