#include "energy_lens/io/gguf.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;

template <class Number>
std::string raw(Number value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}
std::string text(const std::string& value) { return raw<std::uint64_t>(value.size()) + value; }

constexpr std::uint32_t kU32 = 4, kF32 = 6, kText = 8, kList = 9;
constexpr std::uint32_t kTypeF32 = 0, kTypeF16 = 1, kTypeQ4K = 12, kTypeQ8 = 8;

std::string header(std::uint64_t tensors, std::uint64_t keys, std::uint32_t version = 3) {
  return "GGUF" + raw(version) + raw(tensors) + raw(keys);
}
std::string key_u32(const std::string& name, std::uint32_t value) { return text(name) + raw(kU32) + raw(value); }
std::string info(const std::string& name, const std::vector<std::uint64_t>& sizes, std::uint32_t type,
                 std::uint64_t offset) {
  std::string bytes = text(name) + raw(static_cast<std::uint32_t>(sizes.size()));
  for (const std::uint64_t size : sizes) bytes += raw(size);
  return bytes + raw(type) + raw(offset);
}
std::string padded(std::string bytes, std::size_t alignment = 32) {
  bytes.resize((bytes.size() + alignment - 1) / alignment * alignment, '\0');
  return bytes;
}

class Gguf : public ::testing::Test {
 protected:
  void SetUp() override { path_ = fs::temp_directory_path() / ("el_gguf_" + std::to_string(::getpid())); }
  void TearDown() override { fs::remove(path_); }
  GgufFile open(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary) << bytes;
    return GgufFile(path_);
  }
  fs::path path_;
};

TEST_F(Gguf, ReadsMetadataOfEveryKind) {
  const std::string list = raw(kList) + raw(kText) + raw<std::uint64_t>(2) + text("a") + text("\xff");
  const GgufFile file = open(header(0, 4, 2) + key_u32("n", 7) + text("f") + raw(kF32) + raw(0.5f) + text("t") +
                             raw(kText) + text("llama") + text("l") + list);
  EXPECT_EQ(file.value("n"), 7);
  EXPECT_EQ(file.value("f"), 0.5);
  EXPECT_EQ(file.value("t"), "llama");
  EXPECT_EQ(file.value("l").size(), 2u);
  EXPECT_EQ(file.value("l")[1].get<std::string>(), "\xff");
  EXPECT_EQ(file.keys(), (std::vector<std::string>{"f", "l", "n", "t"}));
  EXPECT_THROW(file.value("none"), Error);
}

TEST_F(Gguf, ReadsPlainAndQuantisedTensors) {
  const std::vector<float> numbers = {1.0f, -2.5f, 3.0f, 4.0f, 5.0f, 6.0f};
  std::string plain(reinterpret_cast<const char*>(numbers.data()), 24);
  std::string block = raw(at::Half(0.25f));
  for (int i = 0; i < 32; ++i) block += static_cast<char>(i - 16);
  const GgufFile file = open(padded(header(2, 0) + info("a", {3, 2}, kTypeF32, 0) + info("q", {32}, kTypeQ8, 32)) +
                             padded(plain) + block);
  at::Tensor a = at::empty({2, 3}), q = at::empty({32});
  file.read("a", a);
  file.read("q", q);
  EXPECT_TRUE(at::equal(a.view({-1}), at::tensor(numbers)));
  EXPECT_TRUE(at::equal(q, 0.25 * (at::arange(32) - 16).to(at::kFloat)));
}

TEST_F(Gguf, EveryHalfScaleOfQ8IsExact) {
  std::vector<std::uint8_t> block(kQ8BlockBytes, 1);
  std::vector<float> out(kQ8Block);
  for (std::uint32_t bits = 0; bits < 0x7C00; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    std::memcpy(block.data(), &half, 2);
    dequantise_q8_0(block.data(), 1, out.data());
    const int exponent = static_cast<int>(bits >> 10), mantissa = static_cast<int>(bits & 1023);
    const double value = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    ASSERT_EQ(out[31], value) << bits;
  }
}

TEST_F(Gguf, HostileFilesAreRefusedInOneLine) {
  const std::string data(64, 'x');
  const auto one = [&](const std::string& description, const std::string& after) {
    return padded(header(1, 0) + description) + after;
  };
  const std::string deep = raw(kList) + raw(kList) + raw<std::uint64_t>(1) + raw(kU32) + raw<std::uint64_t>(0);
  const std::vector<std::pair<const char*, std::string>> cases = {
      {"only the magic", "GGUF"},
      {"version 1", header(0, 0, 1)},
      {"version 4", header(0, 0, 4)},
      {"big-endian", header(0, 0, 0x03000000)},
      {"2^60 tensors", header(1ull << 60, 0)},
      {"2^64 - 1 keys", header(0, ~0ull)},
      {"a name of 2^60 bytes", header(0, 1) + raw(1ull << 60) + "name" + data},
      {"a name of 2^64 - 1 bytes", header(0, 1) + raw(~0ull) + "name" + data},
      {"an empty name", header(0, 1) + text("") + raw(kU32) + raw(1u)},
      {"a name that is not UTF-8", header(0, 1) + text("\xff") + raw(kU32) + raw(1u)},
      {"a text of 2^63 bytes", header(0, 1) + text("k") + raw(kText) + raw(1ull << 63) + data},
      {"an unknown kind of value", header(0, 1) + text("k") + raw(99u) + data},
      {"a list of 2^61 numbers", header(0, 1) + text("k") + raw(kList) + raw(kU32) + raw(1ull << 61) + data},
      {"a list of more texts than bytes",
       header(0, 1) + text("k") + raw(kList) + raw(kText) + raw<std::uint64_t>(50) + data},
      {"a list of lists", header(0, 1) + text("k") + deep},
      {"the same key twice", header(0, 2) + key_u32("k", 1) + key_u32("k", 1)},
      {"alignment 0", header(0, 1) + key_u32("general.alignment", 0)},
      {"alignment 12", header(0, 1) + key_u32("general.alignment", 12)},
      {"alignment 2^31", header(0, 1) + key_u32("general.alignment", 1u << 31)},
      {"one part of three", header(0, 1) + key_u32("split.count", 3)},
      {"five dimensions", one(info("a", {1, 1, 1, 1, 1}, kTypeF32, 0), data)},
      {"2^32 - 1 dimensions", one(text("a") + raw(~0u), data)},
      {"2^60 elements", one(info("a", {1ull << 60}, kTypeF32, 0), data)},
      {"a product that wraps", one(info("a", {1ull << 32, 1ull << 32, 4}, kTypeF32, 0), data)},
      {"a size of 0", one(info("a", {0}, kTypeF32, 0), data)},
      {"an unknown type", one(info("a", {4}, 1000, 0), data)},
      {"a type that is not read", one(info("a", {256}, kTypeQ4K, 0), data)},
      {"rows of half a block", one(info("a", {16, 2}, kTypeQ8, 0), data)},
      {"an offset beyond the file", one(info("a", {4}, kTypeF32, 4096), data)},
      {"an offset of 2^64 - 32", one(info("a", {8}, kTypeF32, ~0ull - 31), data)},
      {"an end beyond the file", one(info("a", {17}, kTypeF32, 0), data)},
      {"no data", one(info("a", {8}, kTypeF32, 0), "")},
      {"a misaligned offset", one(info("a", {4}, kTypeF32, 4), data)},
      {"overlap", padded(header(2, 0) + info("a", {9}, kTypeF32, 0) + info("b", {4}, kTypeF32, 32)) + data},
      {"the same place", padded(header(2, 0) + info("a", {4}, kTypeF32, 0) + info("b", {4}, kTypeF16, 0)) + data},
      {"the same tensor twice",
       padded(header(2, 0) + info("a", {4}, kTypeF32, 0) + info("a", {4}, kTypeF32, 32)) + data},
  };
  for (const auto& [what, bytes] : cases) {
    try {
      open(bytes);
      ADD_FAILURE() << what << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::BadInput) << what << ": " << error.what();
      EXPECT_NE(std::string(error.what()).find(path_.string()), std::string::npos) << what;
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << what;
    }
  }
}

TEST_F(Gguf, AFileCutAnywhereIsRefused) {
  const std::string list = raw(kList) + raw(kText) + raw<std::uint64_t>(2) + text("a") + text("bc");
  const std::string whole =
      padded(header(1, 2) + key_u32("n", 7) + text("l") + list + info("a", {4, 4}, kTypeF32, 0)) + std::string(64, 'x');
  EXPECT_NO_THROW(open(whole));
  for (std::size_t size = 1; size < whole.size(); ++size) EXPECT_THROW(open(whole.substr(0, size)), Error) << size;
}

}  // namespace
}  // namespace energy_lens
