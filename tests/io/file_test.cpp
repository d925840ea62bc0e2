#include "energy_lens/io/file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

#include "energy_lens/core/error.h"
#include "energy_lens/io/corpus.h"
#include "energy_lens/io/json_check.h"
#include "energy_lens/io/utf8.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;

// FIPS 180-4 examples.
TEST(Digest, MatchesThePublishedExamples) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// A file longer than the piece that a pass over it holds.
TEST(Digest, OfALongFileIsThatOfItsBytes) {
  const fs::path path = fs::temp_directory_path() / ("el_digest_" + std::to_string(::getpid()));
  std::string bytes((1 << 25) + 12345, 'x');
  for (std::size_t i = 0; i < bytes.size(); i += 4099) bytes[i] = static_cast<char>(i % 251);
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(sha256_hex_of_file(path), sha256_hex(bytes));
  fs::remove(path);
}

TEST(Utf8, AcceptsWellFormedAndRefusesTheRest) {
  for (const char* good : {"", "plain", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(is_utf8(good));
  }
  for (const char* bad : {"\x80", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\xFF"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

TEST(Utf8, APrefixIsCutBetweenCharacters) {
  const std::string text = "aé€😀";  // 1, 2, 3 and 4 bytes
  const std::vector<std::size_t> whole = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
  for (std::size_t most = 0; most < whole.size(); ++most) {
    EXPECT_EQ(utf8_prefix(text, most).size(), whole[most]) << most;
  }
}

TEST(Utf8, LengthCountsCharacters) {
  EXPECT_EQ(utf8_length(""), 0u);
  EXPECT_EQ(utf8_length("aé€😀"), 4u);
}

TEST(Json, KeepsTheOrderOfMembersAndEveryKindOfValue) {
  const std::string text = R"({"z":[1,-2,3.5,true,null,"s",[],{}],"a":{"b":18446744073709551615},"m":"é"})";
  EXPECT_EQ(parse_json(text, "x").dump(), text);
  EXPECT_EQ(parse_json("7", "x"), 7);
  for (const char* bad : {"", "{", "[1,]", "{\"a\"}", "1 2", "1e999", "[1}", "{\"a\":1,}"}) {
    EXPECT_THROW(parse_json(bad, "x"), Error) << bad;
  }
}

TEST(Json, OfManyMembersTakesTimeInProportion) {
  std::string text = "{";
  for (int i = 0; i < 300000; ++i) text += (i ? ",\"" : "\"") + std::to_string(i) + "\":{}";
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(parse_json(text + "}", "x").size(), 300000u);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));  // the square would take minutes
}

TEST(Json, DuplicateKeysDepthAndSyntaxAreRefused) {
  EXPECT_EQ(parse_json(R"({"a":{"b":1},"c":{"b":2}})", "x").at("c").at("b"), 2);
  EXPECT_THROW(parse_json(R"({"a":1,"a":2})", "x"), Error);
  EXPECT_THROW(parse_json(R"({"a":{"b":1,"b":2}})", "x"), Error);
  EXPECT_THROW(parse_json(std::string(5000, '[') + std::string(5000, ']'), "x"), Error);
  EXPECT_THROW(parse_json("{\"a\":NaN}", "x"), Error);
  EXPECT_THROW(parse_json("\"\xff\"", "x"), Error);
}

// Messages go into terminals and JSON: what they quote is cut between characters.
TEST(Json, RefusalsAreShortUtf8) {
  const auto refusal = [](const std::string& text) {
    try {
      parse_json(text, "x");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  std::string key;
  for (int i = 0; i < 200; ++i) key += "€";
  for (const std::string& text :
       std::vector<std::string>{"{\"" + key + "\":1,\"" + key + "\":2}", "{\"a\": é}", "[\"" + key + "\", " + key}) {
    EXPECT_TRUE(is_utf8(refusal(text))) << text;
    EXPECT_GT(refusal(text).size(), 20u);
    EXPECT_LT(refusal(text).size(), 250u);
  }
  EXPECT_NE(refusal("{\"a\": é}").find("line 1, column 7"), std::string::npos) << refusal("{\"a\": é}");
}

class Corpus : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("el_corpus_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path file(const std::string& name, const std::string& content) {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return folder_ / name;
  }
  fs::path folder_;
};

TEST_F(Corpus, ReadsJsonLinesTextAndFolders) {
  file("a.jsonl", "{\"id\":\"one\",\"stratum\":\"s\",\"text\":\"first\"}\n\n{\"text\":\"second\"}\r\n");
  file("b.txt", "line one\nline two\n\nthird\n");
  const auto documents = read_corpus(folder_);
  ASSERT_EQ(documents.size(), 4u);
  EXPECT_EQ(documents[0].id, "one");
  EXPECT_EQ(documents[1].text, "second");
  EXPECT_EQ(documents[2].text, "line one\nline two");
  EXPECT_NE(corpus_digest(documents), corpus_digest({documents[0]}));
  EXPECT_EQ(read_texts(folder_ / "b.txt").size(), 3u);
}

TEST_F(Corpus, BadFilesAreNamedWithTheirLine) {
  const auto expect_error = [](const fs::path& path, const std::string& part) {
    try {
      read_corpus(path);
      ADD_FAILURE() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::BadInput);
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  };
  expect_error(file("a.jsonl", "{\"text\":\"x\"}\n{\"id\":1}\n"), "a.jsonl:2");
  expect_error(file("b.jsonl", "{\"text\":7.5}\n"), "b.jsonl:1");
  expect_error(file("c.jsonl", "\n\n"), "no text");
  expect_error(file("d.txt", "fine\n\xff\xfe"), "d.txt:2 with bytes that are not UTF-8");
  expect_error(file("e.csv", "x"), "expected .jsonl or .txt");
}

TEST_F(Corpus, TextsKnowTheirLinesAndAreNotEmpty) {
  EXPECT_EQ(read_texts(file("a.txt", "one\n\ntwo\n")).back().place, (folder_ / "a.txt:3").string());
  const fs::path path = file("b.jsonl", "\n{\"id\":\"x\",\"text\":\"one\"}\n{\"text\":\"\"}\n");
  EXPECT_EQ(read_corpus(path).back().place, (folder_ / "b.jsonl:2").string());
  try {
    read_texts(path);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("b.jsonl:3"), std::string::npos) << error.what();
  }
}

TEST_F(Corpus, WriteReplacesWholeFiles) {
  write_file(folder_ / "deep/er/x", "old");
  write_file(folder_ / "deep/er/x", "new");
  EXPECT_EQ(read_file(folder_ / "deep/er/x"), "new");
  EXPECT_THROW(write_file("/proc/none/x", "y"), Error);
}

}  // namespace
}  // namespace energy_lens
