#include "energy_lens/model/checkpoint.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <set>

#include "energy_lens/core/error.h"
#include "tests/support/tiny_model.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;

// A small Llama with grouped keys, once as llama2.c writes it and once as Hugging Face does.
class Llama2c : public ::testing::Test {
 protected:
  static constexpr std::int32_t kWidth = 16, kHidden = 24, kLayers = 2, kHeads = 4, kKeyHeads = 2, kVocabulary = 30,
                                kContext = 40;
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("el_checkpoint_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void add(const std::string& name, std::vector<std::int64_t> shape, std::int64_t heads = 0) {
    const at::Tensor stored = testing::random_tensor(name, std::move(shape), 0.4);
    bytes_.append(static_cast<const char*>(stored.const_data_ptr()), stored.nbytes());
    hugging_face_[name] = stored;
    if (heads == 0) return;
    // Row 2 i + j of a head goes to row i + j Dh / 2.
    const std::int64_t head = stored.size(0) / heads;
    at::Tensor apart = at::empty_like(stored);
    for (std::int64_t row = 0; row < stored.size(0); ++row) {
      const std::int64_t in_head = row % head, to = row - in_head + in_head / 2 + in_head % 2 * (head / 2);
      apart[to].copy_(stored[row]);
    }
    hugging_face_[name] = apart;
  }
  void add_layers(const std::string& name, const std::vector<std::int64_t>& shape, std::int64_t heads = 0) {
    for (int layer = 0; layer < kLayers; ++layer)
      add("model.layers." + std::to_string(layer) + "." + name, shape, heads);
  }
  void make(bool tied) {
    const std::int32_t header[] = {kWidth,  kHidden, kLayers, kHeads, kKeyHeads, tied ? kVocabulary : -kVocabulary,
                                   kContext};
    bytes_.assign(reinterpret_cast<const char*>(header), sizeof header);
    const std::int64_t keys = kWidth / kHeads * kKeyHeads;
    add("model.embed_tokens.weight", {kVocabulary, kWidth});
    add_layers("input_layernorm.weight", {kWidth});
    add_layers("self_attn.q_proj.weight", {kWidth, kWidth}, kHeads);
    add_layers("self_attn.k_proj.weight", {keys, kWidth}, kKeyHeads);
    add_layers("self_attn.v_proj.weight", {keys, kWidth});
    add_layers("self_attn.o_proj.weight", {kWidth, kWidth});
    add_layers("post_attention_layernorm.weight", {kWidth});
    add_layers("mlp.gate_proj.weight", {kHidden, kWidth});
    add_layers("mlp.down_proj.weight", {kWidth, kHidden});
    add_layers("mlp.up_proj.weight", {kHidden, kWidth});
    add("model.norm.weight", {kWidth});
    bytes_.append(static_cast<std::size_t>(4 * kContext * (kWidth / kHeads)), 'x');  // rotations, which are not read
    if (!tied) add("lm_head.weight", {kVocabulary, kWidth});
    write_file(folder_ / "stories.bin", bytes_);
    const Json config = {{"model_type", "llama"},         {"hidden_size", kWidth},
                         {"intermediate_size", kHidden},  {"num_hidden_layers", kLayers},
                         {"num_attention_heads", kHeads}, {"num_key_value_heads", kKeyHeads},
                         {"vocab_size", kVocabulary},     {"max_position_embeddings", kContext},
                         {"rms_norm_eps", 1e-5},          {"tie_word_embeddings", tied}};
    write_file(folder_ / "twin/config.json", config.dump());
    write_safetensors(folder_ / "twin/model.safetensors", hugging_face_);
  }
  at::Tensor logits(const fs::path& path) const {
    return load_model(path)->forward(pad_right({testing::random_ids(kContext, kVocabulary)})).logits;
  }
  ErrorKind refusal(const fs::path& path) const {
    try {
      load_model(path);
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      return error.kind();
    }
    ADD_FAILURE() << path << " was accepted";
    return ErrorKind::Internal;
  }

  fs::path folder_;
  std::string bytes_;
  std::map<std::string, at::Tensor> hugging_face_;
};

TEST_F(Llama2c, GivesTheBitsOfItsTwin) {
  for (const bool tied : {true, false}) {
    make(tied);
    const at::Tensor expected = logits(folder_ / "twin");
    EXPECT_TRUE(at::equal(logits(folder_ / "stories.bin"), expected)) << tied;
    EXPECT_TRUE(at::equal(logits(folder_), expected)) << "the folder's only file";
    EXPECT_EQ(load_model(folder_)->digest(), sha256_hex(bytes_));
    hugging_face_.clear();
  }
}

TEST_F(Llama2c, AnotherLengthIsRefused) {
  make(true);
  for (const std::size_t size : {bytes_.size() - 4, std::size_t{100}, std::size_t{28}, std::size_t{27}}) {
    write_file(folder_ / "cut/stories.bin", bytes_.substr(0, size));
    EXPECT_EQ(refusal(folder_ / "cut/stories.bin"), ErrorKind::BadInput) << size;
  }
  write_file(folder_ / "long/stories.bin", bytes_ + "xxxx");
  EXPECT_EQ(refusal(folder_ / "long"), ErrorKind::BadInput);
}

TEST_F(Llama2c, AbsurdSizesAndLaterVersionsAreRefused) {
  make(true);
  const auto with = [&](std::size_t field, std::int32_t value) {
    std::string changed = bytes_;
    std::memcpy(changed.data() + 4 * field, &value, 4);
    write_file(folder_ / "changed/stories.bin", changed);
    return refusal(folder_ / "changed/stories.bin");
  };
  for (std::size_t field = 0; field < 7; ++field) {
    for (const std::int32_t value : {0, -1, 3, 1 << 16, INT32_MAX, INT32_MIN}) {
      EXPECT_EQ(with(field, value), ErrorKind::BadInput) << field << " " << value;
    }
  }
  EXPECT_EQ(with(0, 0x616b3432), ErrorKind::BadInput);
}

// However large the configuration's model, it is the configuration that is wrong, not the machine that is small.
TEST_F(Llama2c, AConfigurationThatAsksForMoreThanTheFileHoldsIsRefused) {
  make(true);
  const Json honest = read_json(folder_ / "twin/config.json");
  const Json huge = {{"hidden_size", 1 << 17}, {"intermediate_size", 1 << 20}, {"num_hidden_layers", 1000}};
  for (const Json& changes : {huge, Json{{"num_hidden_layers", 1000}}, Json{{"vocab_size", 1 << 24}}}) {
    Json config = honest;
    config.update(changes);
    write_file(folder_ / "twin/config.json", config.dump());
    try {
      load_model(folder_ / "twin");
      ADD_FAILURE() << changes << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::BadInput) << error.what();
      EXPECT_NE(std::string(error.what()).find("twin/config.json"), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("tensor '"), std::string::npos) << error.what();
    }
  }
}

// A file of holes that is as long as the model says: honest, and too large for any machine.
TEST_F(Llama2c, AModelLargerThanTheMachineIsRefusedForItsSize) {
  constexpr std::int64_t width = 64, vocabulary = 1 << 20, hidden = 1 << 20;
  const std::int64_t layers = ::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGESIZE) / (12 * width * hidden) + 1;
  Json header;
  std::int64_t at = 0;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
    std::int64_t bytes = 4;
    for (const std::int64_t size : shape) bytes *= size;
    header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {at, at + bytes}}};
    at += bytes;
  };
  add("model.embed_tokens.weight", {vocabulary, width});
  add("model.norm.weight", {width});
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    const std::string block = "model.layers." + std::to_string(layer) + ".";
    for (const char* const norm : {"input_layernorm", "post_attention_layernorm"})
      add(block + norm + ".weight", {width});
    for (const char* const part : {"q", "k", "v", "o"})
      add(block + "self_attn." + part + "_proj.weight", {width, width});
    for (const char* const part : {"gate", "up"}) add(block + "mlp." + part + "_proj.weight", {hidden, width});
    add(block + "mlp.down_proj.weight", {width, hidden});
  }
  const std::string text = header.dump();
  const auto size = static_cast<std::uint64_t>(text.size());
  write_file(folder_ / "large/model.safetensors", std::string(reinterpret_cast<const char*>(&size), 8) + text);
  std::error_code unable;
  fs::resize_file(folder_ / "large/model.safetensors", 8 + size + static_cast<std::uint64_t>(at), unable);
  if (unable) GTEST_SKIP() << "no room for a file of " << at << " bytes of holes: " << unable.message();
  write_file(folder_ / "large/config.json", Json{{"model_type", "llama"},
                                                 {"hidden_size", width},
                                                 {"intermediate_size", hidden},
                                                 {"num_hidden_layers", layers},
                                                 {"num_attention_heads", 1},
                                                 {"vocab_size", vocabulary},
                                                 {"max_position_embeddings", 64},
                                                 {"tie_word_embeddings", true}}
                                                .dump());
  EXPECT_EQ(refusal(folder_ / "large"), ErrorKind::Resource);
}

TEST_F(Llama2c, TwoFilesOfWeightsAreRefusedUnlessOneHasAUsualName) {
  make(true);
  fs::copy(folder_ / "stories.bin", folder_ / "other.bin");
  EXPECT_EQ(refusal(folder_), ErrorKind::BadInput);
  fs::copy(folder_ / "twin/config.json", folder_ / "config.json");
  fs::copy(folder_ / "twin/model.safetensors", folder_ / "model.safetensors");
  EXPECT_TRUE(at::equal(logits(folder_), logits(folder_ / "twin")));
}

TEST_F(Llama2c, AFileBesideConfigJsonIsReadByItsPath) {
  make(true);
  fs::copy(folder_ / "twin/model.safetensors", folder_ / "twin/other.name");
  EXPECT_TRUE(at::equal(logits(folder_ / "twin/other.name"), logits(folder_ / "twin")));
}

TEST_F(Llama2c, WhatIsNoFileIsRefusedAtOnce) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  fs::create_symlink(folder_ / "loop", folder_ / "loop");
  EXPECT_EQ(refusal(folder_ / "pipe"), ErrorKind::BadInput);
  EXPECT_EQ(refusal(folder_ / "loop"), ErrorKind::BadInput);
  EXPECT_EQ(refusal(folder_ / "none"), ErrorKind::NotFound);
  make(true);
  fs::remove(folder_ / "twin/model.safetensors");
  fs::create_symlink(folder_ / "gone", folder_ / "twin/pytorch_model.bin");
  EXPECT_EQ(refusal(folder_ / "twin"), ErrorKind::NotFound);
}

TEST(CheckpointFormats, EachIsListedOnce) {
  std::set<std::string_view> names;
  for (const CheckpointFormat& format : checkpoint_formats()) {
    EXPECT_TRUE(names.insert(format.name).second) << format.name;
    EXPECT_FALSE(format.recognises("")) << format.name;
    EXPECT_FALSE(format.recognises(std::string(64, '\0'))) << format.name;
    EXPECT_FALSE(format.recognises(std::string(64, '\xff'))) << format.name;
  }
  const fs::path folder = EL_SOURCE_DIR "/energy_lens/model/formats";
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) files += entry.path().string().ends_with("_format.cpp");
  EXPECT_EQ(files, names.size());
}

}  // namespace
}  // namespace energy_lens
