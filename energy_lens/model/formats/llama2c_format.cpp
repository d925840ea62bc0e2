// llama2.c (Karpathy 2023), version 0: seven int32 (width, hidden width, layers, heads, key heads, vocabulary, negative
// where the unembedding is a matrix of its own, and context), then every tensor in fp32, layer after layer in each.
// Later versions begin with "ak42" read as a number and are refused.
#include <array>
#include <cmath>
#include <cstring>

#include "energy_lens/core/error.h"
#include "energy_lens/io/mapped_numbers.h"
#include "energy_lens/model/formats/registry.h"
#include "energy_lens/model/formats/stored_rows.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kHeaderBytes = 28;
constexpr std::int32_t kLaterMagic = 0x616b3432;

struct Header {
  std::int64_t width, hidden, layers, heads, key_heads, vocabulary, context;
  bool tied;
  std::int64_t head() const { return width / heads; }
};

std::array<std::int32_t, 7> header_numbers(const void* bytes) {
  std::array<std::int32_t, 7> n;
  std::memcpy(n.data(), bytes, kHeaderBytes);
  return n;
}

bool recognises(std::string_view head) {
  if (head.size() < kHeaderBytes) return false;
  const auto n = header_numbers(head.data());
  const auto within = [](std::int64_t value, std::int64_t high) { return value >= 1 && value <= high; };
  return n[0] == kLaterMagic ||
         (within(n[0], 1 << 17) && within(n[1], 1 << 20) && within(n[2], 1000) && within(n[3], 1 << 12) &&
          within(n[4], n[3]) && within(std::abs(std::int64_t{n[5]}), 1 << 24) && within(n[6], 1 << 26) &&
          n[0] % n[3] == 0 && n[3] % n[4] == 0 && n[0] / n[3] % 2 == 0);
}

Header read_header(const fs::path& path, std::span<const std::uint8_t> bytes) {
  if (!recognises({reinterpret_cast<const char*>(bytes.data()), bytes.size()})) {
    fail(ErrorKind::BadInput, "llama2c", path.string() + " does not begin with the sizes of a llama2.c model");
  }
  const auto n = header_numbers(bytes.data());
  if (n[0] == kLaterMagic) {
    fail(ErrorKind::BadInput, "llama2c",
         path.string() + " is llama2.c version " + std::to_string(n[1]) +
             ", expected 0; export.py --version 0 writes it");
  }
  return {n[0], n[1], n[2], n[3], n[4], std::abs(n[5]), n[6], n[5] > 0};
}

class Llama2cWeights : public CheckpointFile {
 public:
  explicit Llama2cWeights(const fs::path& path)
      : file_(MappedFile::open(path)), header_(read_header(path, file_->bytes())) {
    lay_out();
    if (at_ != file_->bytes().size()) {
      fail(ErrorKind::BadInput, "llama2c",
           path.string() + " has " + std::to_string(file_->bytes().size()) + " bytes, its header needs " +
               std::to_string(at_) + ": truncated, or no llama2.c model of version 0");
    }
  }
  const Header& header() const { return header_; }
  const std::map<std::string, StoredTensor>& tensors() const override { return tensors_; }

  void read(const std::string& name, const at::Tensor& out) const override {
    const bool queries = name.ends_with("q_proj.weight");
    if (!queries && !name.ends_with("k_proj.weight")) {
      return copy_numbers(*file_, begins_.at(name), at::kFloat, out);
    }
    const at::Tensor stored = at::empty_like(out);
    copy_numbers(*file_, begins_.at(name), at::kFloat, stored);
    copy_interleaved_heads(stored, out, queries ? header_.heads : header_.key_heads);
  }

 private:
  void add(const std::string& name, std::vector<std::int64_t> shape) {
    begins_[name] = at_;
    std::uint64_t bytes = 4;
    for (const std::int64_t size : shape) bytes *= static_cast<std::uint64_t>(size);
    at_ += bytes;
    tensors_[name] = {at::kFloat, std::move(shape)};
  }
  void add_each_layer(const std::string& name, const std::vector<std::int64_t>& shape) {
    for (std::int64_t layer = 0; layer < header_.layers; ++layer)
      add("layers." + std::to_string(layer) + "." + name, shape);
  }
  void lay_out() {
    const Header& h = header_;
    const std::int64_t keys = h.key_heads * h.head();
    add("embed_tokens.weight", {h.vocabulary, h.width});
    add_each_layer("input_layernorm.weight", {h.width});
    add_each_layer("self_attn.q_proj.weight", {h.width, h.width});
    add_each_layer("self_attn.k_proj.weight", {keys, h.width});
    add_each_layer("self_attn.v_proj.weight", {keys, h.width});
    add_each_layer("self_attn.o_proj.weight", {h.width, h.width});
    add_each_layer("post_attention_layernorm.weight", {h.width});
    add_each_layer("mlp.gate_proj.weight", {h.hidden, h.width});
    add_each_layer("mlp.down_proj.weight", {h.width, h.hidden});
    add_each_layer("mlp.up_proj.weight", {h.hidden, h.width});
    add("norm.weight", {h.width});
    at_ += 4 * static_cast<std::uint64_t>(h.context * h.head());  // cosines and sines of rotations, which we compute
    if (!h.tied) add("lm_head.weight", {h.vocabulary, h.width});
  }

  std::shared_ptr<MappedFile> file_;
  Header header_;
  std::uint64_t at_ = kHeaderBytes;
  std::map<std::string, StoredTensor> tensors_;
  std::map<std::string, std::uint64_t> begins_;
};

std::unique_ptr<CheckpointFile> open(const fs::path& path) { return std::make_unique<Llama2cWeights>(path); }

Json config(const fs::path& path) {
  const Llama2cWeights file(path);  // which has the length that the header asks for
  const Header& h = file.header();
  return {{"model_type", "llama"},          {"hidden_size", h.width},
          {"intermediate_size", h.hidden},  {"num_hidden_layers", h.layers},
          {"num_attention_heads", h.heads}, {"num_key_value_heads", h.key_heads},
          {"vocab_size", h.vocabulary},     {"max_position_embeddings", h.context},
          {"rms_norm_eps", 1e-5},           {"rope_theta", 10000.0},
          {"tie_word_embeddings", h.tied}};
}

}  // namespace

CheckpointFormat llama2c_format() { return {"llama2.c", recognises, open, config}; }

}  // namespace energy_lens
