// A small GPT-2 folder with seeded random weights, for tests of everything that needs a model.
#pragma once
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>

#include "energy_lens/core/philox.h"
#include "energy_lens/io/file.h"
#include "energy_lens/io/safetensors.h"
#include "energy_lens/model/model.h"

namespace energy_lens::testing {

struct TinyShape {
  std::int64_t layers = 3, width = 32, heads = 4, context = 160, vocabulary = 50;
  double scale = 0.3;        // standard deviation of every matrix
  bool zero_blocks = false;  // blocks that add nothing to the stream
};

inline at::Tensor random_tensor(const std::string& name, std::vector<std::int64_t> shape, double scale) {
  at::Tensor tensor = at::empty(shape);
  Philox random(1, name);
  float* data = tensor.data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) data[i] = static_cast<float>(scale * random.normal());
  return tensor;
}

inline std::map<std::string, at::Tensor> tiny_weights(const TinyShape& s) {
  std::map<std::string, at::Tensor> w;
  const auto random = [&](const std::string& name, std::vector<std::int64_t> shape, double scale) {
    w[name] = random_tensor(name, std::move(shape), scale);
  };
  const auto norm = [&](const std::string& name) {
    random(name + ".weight", {s.width}, 0.1);
    w[name + ".weight"] += 1.0;
    random(name + ".bias", {s.width}, 0.1);
  };
  random("wte.weight", {s.vocabulary, s.width}, 1.0);
  random("wpe.weight", {s.context, s.width}, 0.3);
  norm("ln_f");
  for (std::int64_t layer = 0; layer < s.layers; ++layer) {
    const std::string at = "h." + std::to_string(layer) + ".";
    const double out = s.zero_blocks ? 0.0 : s.scale;
    norm(at + "ln_1");
    norm(at + "ln_2");
    random(at + "attn.c_attn.weight", {s.width, 3 * s.width}, s.scale);
    random(at + "attn.c_attn.bias", {3 * s.width}, s.scale);
    random(at + "attn.c_proj.weight", {s.width, s.width}, out);
    random(at + "attn.c_proj.bias", {s.width}, out);
    random(at + "mlp.c_fc.weight", {s.width, 4 * s.width}, s.scale);
    random(at + "mlp.c_fc.bias", {4 * s.width}, s.scale);
    random(at + "mlp.c_proj.weight", {4 * s.width, s.width}, out);
    random(at + "mlp.c_proj.bias", {s.width}, out);
  }
  return w;
}

inline Json tiny_config(const TinyShape& s) {
  return {{"model_type", "gpt2"},     {"n_embd", s.width},          {"n_layer", s.layers},       {"n_head", s.heads},
          {"n_positions", s.context}, {"vocab_size", s.vocabulary}, {"layer_norm_epsilon", 1e-5}};
}

// A folder that lives as long as the object.
class TinyFolder {
 public:
  explicit TinyFolder(const TinyShape& shape = {}) {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("el_tiny_" + std::to_string(::getpid()) + "_" + std::to_string(count++));
    write_file(path_ / "config.json", tiny_config(shape).dump());
    write_safetensors(path_ / "model.safetensors", tiny_weights(shape));
  }
  ~TinyFolder() { std::filesystem::remove_all(path_); }
  TinyFolder(const TinyFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::shared_ptr<const Model> tiny_model(const TinyShape& shape = {}) {
  return load_model(TinyFolder(shape).path());
}

// Seeded token ids in [0, vocabulary).
inline std::vector<std::int64_t> random_ids(std::int64_t count, std::int64_t vocabulary, std::uint64_t index = 0) {
  Philox random(2, "ids", index);
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < count; ++i) ids.push_back(static_cast<std::int64_t>(random.below(vocabulary)));
  return ids;
}

}  // namespace energy_lens::testing
