#include "energy_lens/io/shard_index.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"

namespace energy_lens {
namespace {

std::map<std::string, std::string> read(const std::string& text) {
  const auto path = std::filesystem::path(testing::TempDir()) / "model.safetensors.index.json";
  write_file(path, text);
  return read_shard_index(path);
}

TEST(ShardIndex, MapsTensorsToFiles) {
  const auto files = read(R"({"metadata":{"total_size":8},"weight_map":{"a":"x-00001-of-00002.bin","b":"y.bin"}})");
  EXPECT_EQ(files.size(), 2u);
  EXPECT_EQ(files.at("a"), "x-00001-of-00002.bin");
}

TEST(ShardIndex, RefusesWhatIsNotAFileBesideIt) {
  for (const char* name : {"\"../x\"", "\"/etc/passwd\"", "\"a/b\"", "\"..\"", "\".hidden\"", "\"\"", "\"a\\\\b\"",
                           "\"a\\nb\"", "7", "null"}) {
    try {
      read(std::string(R"({"weight_map":{"a":)") + name + "}}");
      FAIL() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::BadInput) << name;
    }
  }
  for (const char* text : {"{}", "[]", R"({"weight_map":[]})", R"({"weight_map":{}})"}) EXPECT_THROW(read(text), Error);
}

}  // namespace
}  // namespace energy_lens
