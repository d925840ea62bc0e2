#include "energy_lens/experiment/study_data.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/small_study.h"
#include "tests/support/tiny_model.h"

namespace energy_lens {
namespace {

// Words of random letters, so that texts share nothing; the word at `changed` is another one.
std::string random_words(std::uint64_t index, std::int64_t changed = -1) {
  std::string text;
  for (std::int64_t word = 0; word < 40; ++word) {
    Philox random(3, word == changed ? "changed" : "words", index * 100 + static_cast<std::uint64_t>(word));
    for (int letter = 0; letter < 6; ++letter) text += static_cast<char>('a' + random.below(26));
    text += ' ';
  }
  return text;
}

TEST(StudyData, KeepsOneOfEveryTwoNearCopiesAndAllUnrelatedDocuments) {
  const testing::StudyFolder folder;
  std::string lines;
  const auto add = [&](const std::string& id, const std::string& text) {
    lines += Json{{"id", id}, {"text", text}}.dump() + "\n";
  };
  for (std::uint64_t i = 0; i < 60; ++i) add(std::to_string(i), random_words(i));
  for (std::uint64_t i = 0; i < 20; ++i) add("copy of " + std::to_string(i), random_words(i, 5));
  StudyConfig config = folder.config("unused");
  config.corpus = (folder.path() / "copies.jsonl").string();
  config.window = 64;
  write_file(config.corpus, lines);
  const StudyData data = load_study_data(config, no_progress());
  EXPECT_EQ(data.documents_similar, 20);
  EXPECT_EQ(data.documents_repeated, 0);
  std::set<std::string> kept;
  for (const Window& window : data.windows) kept.insert(window.id);
  EXPECT_EQ(kept.size(), 60u);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(kept.count(std::to_string(i)) + kept.count("copy of " + std::to_string(i)), 1u) << i;
  }
}

TEST(GivenTexts, ThoseThatCannotBeScoredAreNamedByTheirPlace) {
  const auto model = testing::tiny_model();
  const GivenText given{"text", "my.txt:7"};
  EXPECT_NO_THROW(check_text("study", given, {0, 1}, *model));
  for (const std::vector<std::int64_t>& ids : {std::vector<std::int64_t>{}, {0}, {0, model->config().d_vocab}}) {
    try {
      check_text("study", given, ids, *model);
      FAIL() << ids.size();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::BadInput);
      EXPECT_NE(std::string(error.what()).find("from my.txt:7"), std::string::npos);
    }
  }
}

TEST(Readable, TokensThatTheTokenizerLacksAreNamedByNumber) {
  const auto tokenizer = load_tokenizer(EL_SOURCE_DIR "/models/demo");
  const std::vector<std::int64_t> ids = tokenizer->encode("caf\u00e9 \u65e5").ids;
  EXPECT_EQ(readable(*tokenizer, ids), "caf\u00e9 \u65e5");
  std::vector<std::int64_t> padded = ids;
  padded.push_back(tokenizer->vocab_size());
  EXPECT_EQ(token_strings(*tokenizer, padded).back(), "[id " + std::to_string(tokenizer->vocab_size()) + "]");
  EXPECT_TRUE(readable(*tokenizer, padded).ends_with("]"));
}

}  // namespace
}  // namespace energy_lens
