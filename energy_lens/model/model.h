// A loaded transformer: our own forward pass, with hook sites, edits, a KV cache and restarts from any layer.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "energy_lens/model/config.h"
#include "energy_lens/model/observer.h"

namespace energy_lens {

// What the lens needs of a model: z = W_U norm(h) + b_U, then soft-capped.
struct Unembed {
  NormKind norm = NormKind::LayerNorm;
  double eps = 1e-5;
  at::Tensor gamma;       // [D] fp32
  at::Tensor beta;        // [D] fp32; undefined for RmsNorm
  at::Tensor w_u;         // [V, D] in the model's dtype, shared with the embedding where tied; row v belongs to token v
  at::Tensor b_u;         // [V] fp32, or undefined
  double soft_cap = 0.0;  // c tanh(z / c) of the logits (Gemma 2); 0: none
};

// Keys and values of the tokens already seen, one pair a layer: [B, Hkv, C, Dh], keys after rotation; the first
// `length` of C are filled. Owned by the caller; starts empty.
struct KvCache {
  std::vector<at::Tensor> keys, values;
  std::int64_t length = 0;
};

struct ForwardOptions {
  bool logits = true;            // false: stop after the last block
  Observer* observer = nullptr;  // not owned
  Editor* editor = nullptr;      // not owned
  KvCache* cache = nullptr;      // not owned; all sequences of the batch must have equal length
  bool differentiable = false;   // record autograd history: tensor operators instead of row kernels; no cache
  bool generic_kernels = false;  // row kernels without vector instructions
};

struct ForwardResult {
  at::Tensor logits;  // [B, T, V] fp32; undefined when not asked
  at::Tensor resid;   // [B, T, D] the stream after the last block, before the final norm
};

class Model {
 public:
  virtual ~Model() = default;
  virtual const ModelConfig& config() const = 0;
  virtual const Unembed& unembed() const = 0;
  virtual at::ScalarType dtype() const = 0;
  virtual std::string digest() const = 0;       // SHA-256 of the weight files
  virtual std::int64_t parameters() const = 0;  // numbers in the weights, shared ones once

  // Errors: BadInput (id outside the vocabulary, longer than n_ctx, empty); Usage (differentiable with a cache).
  virtual ForwardResult forward(const TokenBatch& batch, const ForwardOptions& options = {}) const = 0;

  // Runs blocks first_layer..L-1 (and the unembedding) on a given stream: resid [B, T, D] is resid_pre.first_layer.
  virtual ForwardResult forward_from(std::int64_t first_layer, const at::Tensor& resid, const TokenBatch& batch,
                                     const ForwardOptions& options = {}) const = 0;
};

// Every weight drawn instead of read (weight_source.h): the folder needs config.json alone.
struct RandomInit {
  std::uint64_t seed = 0;
  double scale = 0.02;  // standard deviation
};

struct LoadOptions {
  at::ScalarType dtype = at::kFloat;  // kFloat or kBFloat16
  std::string device = "cpu";         // placement.h; several accelerators share the layers
  std::optional<RandomInit> random = std::nullopt;
};

// Reads a checkpoint, a folder or one file (checkpoint.h). Errors: NotFound, BadInput (missing or unknown tensor, wrong
// shape, NaN weights), Resource (more memory than the machine has), those of devices_named.
std::shared_ptr<const Model> load_model(const std::filesystem::path& folder, const LoadOptions& options = {});

// Greedy continuation: appends `steps` tokens to `prompt` (argmax, lowest id on ties) with a KV cache.
std::vector<std::int64_t> generate_greedy(const Model& model, const std::vector<std::int64_t>& prompt,
                                          std::int64_t steps, Editor* editor = nullptr);

}  // namespace energy_lens
