#include "energy_lens/tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"
#include "energy_lens/tokenizer/byte_alphabet.h"
#include "energy_lens/tokenizer/merges.h"

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

TEST(ByteLevelTokenizer, OneTokenHasTheBytesThatItAddsToAText) {
  const Encoding encoding = demo().encode("So long, and thanks");
  std::string text;
  for (const std::int64_t id : encoding.ids) text += demo().token_bytes(id);
  EXPECT_EQ(text, "So long, and thanks");
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

std::vector<std::int64_t> merged(const Merges& merges, std::vector<std::int64_t> ids) {
  std::vector<std::size_t> lengths(ids.size(), 1);
  const std::size_t characters = ids.size();
  merges.apply(ids, lengths);
  EXPECT_EQ(ids.size(), lengths.size());
  EXPECT_EQ(std::accumulate(lengths.begin(), lengths.end(), std::size_t{0}), characters);
  return ids;
}

TEST(Merges, AppliesTheBestRankFirstAndTheLeftmostAmongEquals) {
  Merges merges;
  merges.add(1, 1, 2);  // aa -> A
  merges.add(2, 1, 3);  // Aa -> B
  EXPECT_EQ(merged(merges, {1, 1, 1}), (std::vector<std::int64_t>{3}));
  EXPECT_EQ(merged(merges, {1, 1, 1, 1}), (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(merged(merges, {}), (std::vector<std::int64_t>{}));
}

TEST(Printable, ShowsBrokenBytesAsEscapes) { EXPECT_EQ(printable("a\xffz\xC3\xA9\xC3"), "a<0xFF>z\xC3\xA9<0xC3>"); }

}  // namespace
}  // namespace energy_lens
