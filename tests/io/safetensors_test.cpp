#include "energy_lens/io/safetensors.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;

class Safetensors : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("el_safetensors_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path raw(const std::string& bytes) const {
    const fs::path path = folder_ / "case.safetensors";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  fs::path with_header(const std::string& header, const std::string& buffer = "") const {
    std::string bytes(8, '\0');
    const std::uint64_t length = header.size();
    std::memcpy(bytes.data(), &length, 8);
    return raw(bytes + header + buffer);
  }
  fs::path folder_;
};

TEST_F(Safetensors, EveryDtypeAndStrideRoundTrips) {
  const at::Tensor base = at::arange(24).reshape({4, 6});
  std::map<std::string, at::Tensor> tensors = {{"scalar", at::tensor(3.5)}, {"empty", at::empty({0, 7})}};
  for (const auto dtype :
       {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kChar, at::kByte, at::kBool}) {
    tensors[std::string("t_") + at::toString(dtype)] = base.to(dtype).t();
  }
  write_safetensors(folder_ / "a.safetensors", tensors, {{"format", "pt"}});
  const SafetensorsFile file = SafetensorsFile::open(folder_ / "a.safetensors");
  EXPECT_EQ(file.metadata().at("format"), "pt");
  ASSERT_EQ(file.tensors().size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    EXPECT_EQ(file.view(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(file.view(name), tensor)) << name;
  }
}

// Larger than the piece that a copy holds, at an offset that no page begins at, and read again after it was let go.
TEST_F(Safetensors, ReadsLargeTensorsPieceByPiece) {
  const at::Tensor large = at::arange((1 << 22) + 777).to(at::kFloat).remainder(1009.0);
  write_safetensors(folder_ / "a.safetensors", {{"large", large}, {"small", at::ones({3}, at::kDouble)}});
  const SafetensorsFile file = SafetensorsFile::open(folder_ / "a.safetensors");
  for (const auto dtype : {at::kFloat, at::kBFloat16, at::kFloat}) {
    const at::Tensor out = at::empty(large.sizes(), dtype);
    file.read("large", out);
    EXPECT_TRUE(at::equal(out, large.to(dtype)));
  }
  EXPECT_TRUE(at::equal(file.view("large"), large));
  EXPECT_TRUE(at::equal(file.view("small"), at::ones({3}, at::kDouble)));
  EXPECT_THROW(file.read("absent", large), Error);
}

TEST_F(Safetensors, AViewOutlivesItsFile) {
  write_safetensors(folder_ / "a.safetensors", {{"x", at::ones({3})}});
  const at::Tensor view = SafetensorsFile::open(folder_ / "a.safetensors").view("x");
  EXPECT_EQ(view.sum().item<float>(), 3.0f);
}

TEST_F(Safetensors, HostileHeadersAreRefusedWithTheFilesName) {
  const std::string good = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  const std::string eight(8, 'x');
  std::string huge_length(16, '\xff');
  std::string absurd(8, '\0');
  absurd[7] = 1;
  const std::vector<std::pair<std::string, std::function<fs::path()>>> cases = {
      {"two bytes", [&] { return raw("ab"); }},
      {"empty", [&] { return raw(""); }},
      {"huge header", [&] { return raw(huge_length); }},
      {"2^56 header", [&] { return raw(absurd + "{}"); }},
      {"not a brace", [&] { return with_header("[1,2,3]"); }},
      {"not json", [&] { return with_header("{\"a\":"); }},
      {"not utf8", [&] { return with_header("{\"\xff\":1}"); }},
      {"truncated buffer", [&] { return with_header(good, "1234"); }},
      {"trailing bytes", [&] { return with_header(good, eight + "z"); }},
      {"duplicate key",
       [&] {
         return with_header(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                            R"("a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                            eight);
       }},
      {"overlap",
       [&] {
         return with_header(R"({"a":{"dtype":"U8","shape":[6],"data_offsets":[0,6]},)"
                            R"("b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                            eight);
       }},
      {"hole",
       [&] {
         return with_header(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                            R"("b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                            eight);
       }},
      {"unknown dtype",
       [&] { return with_header(R"({"a":{"dtype":"F4","shape":[16],"data_offsets":[0,8]}})", eight); }},
      {"size mismatch",
       [&] { return with_header(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", eight); }},
      {"2^60 shape",
       [&] {
         return with_header(R"({"a":{"dtype":"F32","shape":[1152921504606846976,16],"data_offsets":[0,8]}})", eight);
       }},
      {"product wraps to the right size",
       [&] {
         return with_header(R"({"a":{"dtype":"U8","shape":[4611686018427387905,8],"data_offsets":[0,8]}})", eight);
       }},
      {"negative dimension",
       [&] { return with_header(R"({"a":{"dtype":"U8","shape":[-8],"data_offsets":[0,8]}})", eight); }},
      {"float offsets",
       [&] { return with_header(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8.0]}})", eight); }},
      {"offsets reversed",
       [&] { return with_header(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[8,0]}})", eight); }},
      {"no shape", [&] { return with_header(R"({"a":{"dtype":"U8","data_offsets":[0,8]}})", eight); }},
      {"metadata of numbers", [&] { return with_header(R"({"__metadata__":{"a":1}})"); }},
      {"directory", [&] { return folder_; }},
  };
  for (const auto& [what, make] : cases) {
    const fs::path path = make();
    try {
      SafetensorsFile::open(path);
      ADD_FAILURE() << what << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::BadInput) << what << ": " << error.what();
      EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << what;
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << what;
    }
  }
}

TEST_F(Safetensors, SymlinkLoopsAndMissingFilesAreRefused) {
  fs::create_symlink(folder_ / "b", folder_ / "a");
  fs::create_symlink(folder_ / "a", folder_ / "b");
  EXPECT_THROW(SafetensorsFile::open(folder_ / "a"), Error);
  try {
    SafetensorsFile::open(folder_ / "none");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::NotFound);
  }
}

TEST_F(Safetensors, AWriteThatRunsOutOfSpaceKeepsTheOldFileAndLeavesNoOther) {
  const fs::path path = folder_ / "a.safetensors";
  write_safetensors(path, {{"x", at::ones({3})}});
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tiny{4096, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &tiny);
  bool refused = false;
  try {
    write_safetensors(path, {{"x", at::ones({100000})}});
  } catch (const Error& error) {
    refused = error.kind() == ErrorKind::Resource;
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_TRUE(refused);
  EXPECT_EQ(SafetensorsFile::open(path).view("x").numel(), 3);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace energy_lens
