#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <functional>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"
#include "energy_lens/io/file.h"
#include "energy_lens/tokenizer/character_map.h"
#include "energy_lens/tokenizer/tokenizer.h"

namespace energy_lens {
namespace {

class HostileTokenizer : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("el_tok_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    good_ = read_json(EL_SOURCE_DIR "/models/demo/tokenizer.json");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // The message with which loading, or encoding `text`, refuses the file; "" when it does not.
  std::string refusal(const std::string& name, const std::string& bytes, const std::string& text = "") {
    write_file(folder_ / name, bytes);
    try {
      load_tokenizer(folder_ / name)->encode(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::BadInput) << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      return error.what();
    }
    return "";
  }
  std::string refusal_after(const std::function<void(Json&)>& change, const std::string& text = "") {
    Json json = good_;
    change(json);
    return refusal("tokenizer.json", json.dump(), text);
  }
  std::filesystem::path folder_;
  Json good_;
};

void expect_named(const std::string& message, const std::string& name) {
  EXPECT_NE(message.find(name), std::string::npos) << "got '" << message << "', expected it to name " << name;
}

TEST_F(HostileTokenizer, FaultsOfTheVocabularyAreNamed) {
  EXPECT_EQ(refusal_after([](Json&) {}), "");
  expect_named(refusal_after([](Json& j) { j["model"]["merges"].push_back("qq zzzz"); }), "the vocabulary lacks");
  expect_named(refusal_after([](Json& j) { j["model"]["merges"].push_back(j["model"]["merges"][0]); }), "stands twice");
  expect_named(refusal_after([](Json& j) { j["model"]["merges"].push_back("a b c"); }), "not two tokens");
  expect_named(refusal_after([](Json& j) { j["model"]["merges"].push_back(7); }), "neither");
  expect_named(refusal_after([](Json& j) { j["model"]["vocab"]["!"] = 1LL << 60; }), "token id");
  expect_named(refusal_after([](Json& j) { j["model"]["vocab"]["!"] = ~0ULL; }), "token id");
  expect_named(refusal_after([](Json& j) { j["model"]["vocab"]["!"] = 1 << 24; }), "leaves gaps");
  expect_named(refusal_after([](Json& j) { j["model"]["vocab"]["!"] = -1; }), "token id -1");
  expect_named(refusal_after([](Json& j) { j["model"]["vocab"]["!"] = 1.5; }), "whole number");
  expect_named(refusal_after([](Json& j) { j["model"]["vocab"]["doubled"] = 5; }), "two tokens have id 5");
  expect_named(refusal_after([](Json& j) { j["model"]["vocab"].erase("!"); }), "vocabulary");
  expect_named(refusal_after([](Json& j) { j["added_tokens"][0]["id"] = 9000; }), "has id");
  expect_named(refusal_after([](Json& j) { j["added_tokens"][0]["content"] = ""; }), "no content");
  expect_named(refusal_after([](Json& j) { j.erase("model"); }), "\"model\" is missing");
  expect_named(refusal_after([](Json& j) { j["model"]["unk_token"] = "nowhere"; }), "unk_token 'nowhere'");
}

TEST_F(HostileTokenizer, WhatIsNotSupportedIsNamed) {
  expect_named(refusal_after([](Json& j) { j["model"]["type"] = "WordPiece"; }), "WordPiece");
  expect_named(refusal_after([](Json& j) { j["model"]["dropout"] = 0.1; }), "dropout");
  expect_named(refusal_after([](Json& j) { j["model"]["end_of_word_suffix"] = "</w>"; }), "end_of_word_suffix");
  expect_named(refusal_after([](Json& j) { j["normalizer"] = {{"type", "BertNormalizer"}}; }), "BertNormalizer");
  expect_named(refusal_after([](Json& j) { j["normalizer"] = {{"type", "Precompiled"}}; }), "Precompiled");
  expect_named(refusal_after([](Json& j) { j["pre_tokenizer"] = {{"type", "UnicodeScripts"}}; }), "UnicodeScripts");
  expect_named(refusal_after([](Json& j) { j["decoder"] = {{"type", "CTC"}}; }), "CTC");
  expect_named(refusal_after([](Json& j) { j["post_processor"] = {{"type", "BertProcessing"}}; }), "BertProcessing");
  expect_named(refusal_after([](Json& j) { j["normalizer"] = 5; }), "expected an object");
  expect_named(refusal_after([](Json& j) {
                 j["post_processor"] = {
                     {"type", "TemplateProcessing"},
                     {"single", {{{"Sequence", Json::object()}}, {{"SpecialToken", {{"id", "<|endoftext|>"}}}}}}};
               }),
               "behind the text");
}

TEST_F(HostileTokenizer, SequencesAreBounded) {
  const Json replace = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aaaaaaaa"}};
  expect_named(refusal_after([&](Json& j) {
                 j["normalizer"] = {{"type", "Sequence"}, {"normalizers", Json::array()}};
                 for (int i = 0; i < 65; ++i) j["normalizer"]["normalizers"].push_back(replace);
               }),
               "more than 64 steps");
  expect_named(refusal_after(
                   [&](Json& j) {
                     j["normalizer"] = {{"type", "Sequence"}, {"normalizers", Json::array()}};
                     for (int i = 0; i < 60; ++i) j["normalizer"]["normalizers"].push_back(replace);
                   },
                   "aaaa"),
               "grows a text");
  std::string deep = R"({"model":{},"normalizer":)";
  for (int i = 0; i < 100'000; ++i) deep += R"({"type":"Sequence","normalizers":[)";
  expect_named(refusal("tokenizer.json", deep), "nested deeper");
  expect_named(refusal_after([&](Json& j) {
                 j["normalizer"] = replace;
                 j["normalizer"]["content"] = std::string(5000, 'x');
               }),
               "at most 1024");
}

TEST_F(HostileTokenizer, PatternsThatExplodeAreRefused) {
  const auto with = [&](const std::string& regex) {
    return [regex](Json& j) {
      j["pre_tokenizer"] = {
          {"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}},
            {{"type", "ByteLevel"}, {"use_regex", false}}}}};
    };
  };
  EXPECT_EQ(refusal_after(with("(a|aa)+b"), "aab"), "");
  expect_named(refusal_after(with("(a|aa)+b(?!c)"), std::string(4000, 'a') + " b"), "gave up");
  expect_named(refusal_after(with(std::string(100'000, 'a'))), "expected at most");
  expect_named(refusal_after(with("a(")), "does not compile");
}

TEST_F(HostileTokenizer, EveryTruncationAndFlippedByteIsRefusedOrHarmless) {
  const std::string whole =
      R"({"model":{"type":"BPE","unk_token":"?","vocab":{"?":0,"a":1,"b":2,"ab":3},"merges":["a b"]},)"
      R"("added_tokens":[{"id":4,"content":"<s>"}],"normalizer":{"type":"NFC"}})";
  EXPECT_EQ(refusal("tokenizer.json", whole, "abc<s>"), "");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(refusal("tokenizer.json", whole.substr(0, size)), "") << size << " bytes";
  }
  Philox random(5, "flips");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(random.below(256));
    refusal("tokenizer.json", flipped, "abc<s>");
  }
}

void field(std::string& message, int number, const std::string& bytes) {
  message += static_cast<char>(number << 3 | 2);
  EXPECT_LT(bytes.size(), 128u);
  message += static_cast<char>(bytes.size());
  message += bytes;
}

std::string piece(const std::string& text, float score, int type) {
  std::string message;
  field(message, 1, text);
  char bytes[4];
  std::memcpy(bytes, &score, 4);
  message += '\x15' + std::string(bytes, 4) + '\x18' + static_cast<char>(type);
  std::string framed;
  field(framed, 1, message);
  return framed;
}

TEST_F(HostileTokenizer, SentencePieceModelsAreReadStrictly) {
  const std::string bpe = std::string("\x12\x02\x18\x02", 4);  // trainer_spec with model_type 2
  const std::string good = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("a", -1, 1) + bpe;
  EXPECT_EQ(refusal("tokenizer.model", good, "a b"), "");
  for (std::size_t size = 0; size < good.size(); ++size) refusal("tokenizer.model", good.substr(0, size), "ab");
  Philox random(6, "flips");
  for (int i = 0; i < 300; ++i) {
    std::string flipped = good;
    flipped[random.below(flipped.size())] = static_cast<char>(random.below(256));
    refusal("tokenizer.model", flipped, "a b\xC3\xA9");
  }
  expect_named(refusal("tokenizer.model", "no model at all"), "SentencePiece model");
  expect_named(refusal("tokenizer.model", ""), "is empty");
  expect_named(refusal("tokenizer.model", piece("a", 0, 1)), "exactly one unknown piece");
  expect_named(refusal("tokenizer.model", good + piece("a", 0, 1)), "has ids");
  expect_named(refusal("tokenizer.model", good + piece("b", std::numeric_limits<float>::quiet_NaN(), 1)), "not finite");
  expect_named(refusal("tokenizer.model", good + std::string("\x12\x02\x18\x03", 4)), "model type 3");
  expect_named(refusal("tokenizer.model", good + std::string("\x12\x03\xC0\x01\x01", 5)), "treat_whitespace_as_suffix");
}

TEST_F(HostileTokenizer, Llama2cFilesAreReadStrictly) {
  std::string bytes("\x04\0\0\0", 4);
  const auto add = [&](const std::string& token) {
    bytes += std::string(4, '\0') + std::string{static_cast<char>(token.size()), 0, 0, 0} + token;
  };
  add("?");
  add("<s>");
  expect_named(refusal("t.bin", bytes), "fewer than 3");
  add("a");
  expect_named(refusal("t.bin", bytes), "byte fallback needs all tokens");
  expect_named(refusal("t.bin", bytes.substr(0, bytes.size() - 1)), "announced");
  add("too long");
  expect_named(refusal("t.bin", bytes), "longer than the longest");
}

TEST(CharacterMap, ATrieThatPointsOutsideItselfIsRefused) {
  EXPECT_THROW(CharacterMap("abc"), Error);
  EXPECT_THROW(CharacterMap(std::string("\x08\0\0\0abcd", 8)), Error);
  Philox random(7, "tries");
  for (int i = 0; i < 2000; ++i) {
    std::string blob("\x40\0\0\0", 4);
    for (int n = 0; n < 64 + 8; ++n) blob += static_cast<char>(random.below(256));
    blob += '\0';
    try {
      const CharacterMap map(blob);
      for (int byte = 0; byte < 256; ++byte) map.longest(std::string(6, static_cast<char>(byte)));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::BadInput);
    }
  }
}

}  // namespace
}  // namespace energy_lens
