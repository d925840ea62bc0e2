// Loads the parts of one block, or of the whole model, under a common name: "model.layers.3." + "mlp.up_proj".
#pragma once
#include <string>
#include <vector>

#include "energy_lens/model/weight_source.h"
#include "energy_lens/model/weights.h"

namespace energy_lens {

class BlockReader {
 public:
  BlockReader(const WeightSource& source, std::string prefix, at::ScalarType dtype)
      : source_(source), prefix_(std::move(prefix)), dtype_(dtype) {}

  // The reader of a part of this one: "layers.3." at("mlp.") is "layers.3.mlp.".
  BlockReader at(const std::string& part) const { return {source_, prefix_ + part, dtype_}; }

  struct Part {
    std::string name;
    std::int64_t out;
  };

  at::Tensor take(const std::string& name, const std::vector<std::int64_t>& shape) const;
  at::Tensor take_fp32(const std::string& name, const std::vector<std::int64_t>& shape) const;
  // <name>.weight [width] and, with beta, <name>.bias.
  NormWeights norm(const std::string& name, std::int64_t width, bool beta) const;
  // The same for families that store w of (1 + w).
  NormWeights offset_norm(const std::string& name, std::int64_t width) const;
  // Matrices stored [out, in] with the same input, side by side as one [in, sum of out]; biases likewise.
  AffineWeights linear(std::int64_t in, const std::vector<Part>& parts, bool bias) const;

 private:
  const WeightSource& source_;
  std::string prefix_;
  at::ScalarType dtype_;
};

// What follows the blocks: the final norm, and as matrix the embedding itself where tied, else `name` [V, D].
Unembed read_unembed(const BlockReader& whole, const ModelConfig& config, const at::Tensor& embed,
                     const NormWeights& norm, const std::string& name);

}  // namespace energy_lens
