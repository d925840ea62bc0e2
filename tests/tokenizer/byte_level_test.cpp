#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"
#include "energy_lens/io/file.h"
#include "energy_lens/tokenizer/byte_alphabet.h"
#include "energy_lens/tokenizer/merges.h"
#include "energy_lens/tokenizer/split_pattern.h"
#include "energy_lens/tokenizer/tokenizer.h"

namespace energy_lens {
namespace {

const Tokenizer& demo() {
  static const auto tokenizer = load_tokenizer(EL_SOURCE_DIR "/models/demo");
  return *tokenizer;
}

void expect_round_trip(std::string_view text) {
  const Encoding encoding = demo().encode(text);
  EXPECT_EQ(demo().decode(encoding.ids), text);
  ASSERT_EQ(encoding.ids.size(), encoding.offsets.size());
  std::size_t at = 0;
  for (const auto& [begin, end] : encoding.offsets) {
    EXPECT_EQ(begin, at);
    at = end;
  }
  EXPECT_EQ(at, text.size());
}

TEST(ByteLevelTokenizer, AnyBytesRoundTripAndOffsetsTileTheText) {
  expect_round_trip("");
  for (int a = 0; a < 256; a += 3) {
    for (int b = 0; b < 256; b += 7) expect_round_trip(std::string{static_cast<char>(a), static_cast<char>(b), 'x'});
  }
  Philox random(3, "bytes");
  for (int i = 0; i < 200; ++i) {
    std::string bytes;
    for (std::uint64_t n = random.below(60); n > 0; --n) bytes += static_cast<char>(random.below(256));
    expect_round_trip(bytes);
  }
}

TEST(ByteLevelTokenizer, SpecialTokensWrittenInTheTextBecomeTheirIds) {
  ASSERT_TRUE(demo().bos_id().has_value());
  const Encoding encoding = demo().encode("a<|endoftext|>b");
  EXPECT_EQ(encoding.ids[1], *demo().bos_id());
  EXPECT_EQ(encoding.offsets[1], (std::pair<std::size_t, std::size_t>{1, 14}));
  EXPECT_FALSE(demo().adds_bos());
}

TEST(ByteLevelTokenizer, LongRunsStayNearLinear) {
  for (const char c : {'a', ' ', '\xff', '\n'}) {
    const std::string text(1 << 20, c);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(demo().decode(demo().encode(text).ids), text);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20)) << "quadratic in a run of " << int(c);
  }
}

TEST(ByteLevelTokenizer, IdsOutsideTheVocabularyAreRefused) {
  const std::vector<std::int64_t> ids = {demo().vocab_size()};
  EXPECT_THROW(demo().decode(ids), Error);
}

TEST(ByteAlphabet, IsABijectionOfBytes) {
  std::string all, back;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  ASSERT_TRUE(alphabet_to_bytes(bytes_to_alphabet(all), back));
  EXPECT_EQ(back, all);
  EXPECT_EQ(bytes_to_alphabet(" "), "\xC4\xA0");
  EXPECT_FALSE(alphabet_to_bytes("\xE4\xB8\xAD", back));
}

TEST(SplitPattern, CutsLikeGpt2) {
  const SplitPattern pattern(gpt2_pattern());
  const std::string text = "I'll  see 42 d\xC3\xA9j\xC3\xA0-vus!  \n";
  std::vector<std::string> pieces;
  pattern.split(text, [&](std::size_t b, std::size_t e) { pieces.push_back(text.substr(b, e - b)); });
  EXPECT_EQ(pieces,
            (std::vector<std::string>{"I", "'ll", " ", " see", " 42", " d\xC3\xA9j\xC3\xA0", "-", "vus", "!", "  \n"}));
}

TEST(Merges, AppliesTheBestRankFirstAndTheLeftmostAmongEquals) {
  Merges merges;
  merges.add(1, 1, 2);  // aa -> A
  merges.add(2, 1, 3);  // Aa -> B
  EXPECT_EQ(merges.apply({1, 1, 1}), (std::vector<std::int64_t>{3}));
  EXPECT_EQ(merges.apply({1, 1, 1, 1}), (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(merges.apply({}), (std::vector<std::int64_t>{}));
}

TEST(Printable, ShowsBrokenBytesAsEscapes) { EXPECT_EQ(printable("a\xffz\xC3\xA9\xC3"), "a<0xFF>z\xC3\xA9<0xC3>"); }

class HostileTokenizer : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("el_tok_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    json_ = read_json(EL_SOURCE_DIR "/models/demo/tokenizer.json");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string refusal() {
    write_file(folder_ / "tokenizer.json", json_.dump());
    try {
      load_tokenizer(folder_);
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      return error.what();
    }
    return "";
  }
  std::filesystem::path folder_;
  Json json_;
};

TEST_F(HostileTokenizer, EachFaultIsNamed) {
  const Json good = json_;
  EXPECT_EQ(refusal(), "");
  json_["model"]["merges"].push_back("qq zzzz");
  EXPECT_NE(refusal().find("names a token that the vocabulary lacks"), std::string::npos);
  json_ = good;
  json_["model"]["merges"].push_back(json_["model"]["merges"][0]);
  EXPECT_NE(refusal().find("stands twice"), std::string::npos);
  json_ = good;
  json_["model"]["vocab"]["!"] = 1LL << 60;
  EXPECT_NE(refusal().find("token id"), std::string::npos);
  json_ = good;
  json_["model"]["vocab"]["doubled"] = 5;
  EXPECT_NE(refusal().find("two tokens have id 5"), std::string::npos);
  json_ = good;
  json_["model"]["type"] = "WordPiece";
  EXPECT_NE(refusal().find("WordPiece"), std::string::npos);
  json_ = good;
  json_["normalizer"] = {{"type", "Lowercase"}};
  EXPECT_NE(refusal().find("normalizer"), std::string::npos);
  json_ = good;
  json_.erase("model");
  EXPECT_NE(refusal().find("\"model\" is missing"), std::string::npos);
}

}  // namespace
}  // namespace energy_lens
