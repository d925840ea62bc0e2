#include "energy_lens/model/families/block_reader.h"

namespace energy_lens {

at::Tensor BlockReader::take(const std::string& name, const std::vector<std::int64_t>& shape) const {
  return source_.take(prefix_ + name, shape, dtype_);
}

at::Tensor BlockReader::take_fp32(const std::string& name, const std::vector<std::int64_t>& shape) const {
  return source_.take(prefix_ + name, shape, at::kFloat);
}

NormWeights BlockReader::norm(const std::string& name, std::int64_t width, bool beta) const {
  NormWeights norm;
  norm.gamma = take_fp32(name + ".weight", {width});
  if (beta) norm.beta = take_fp32(name + ".bias", {width});
  return norm;
}

NormWeights BlockReader::offset_norm(const std::string& name, std::int64_t width) const {
  NormWeights stored = norm(name, width, false);
  stored.gamma += 1.0;
  return stored;
}

AffineWeights BlockReader::linear(std::int64_t in, const std::vector<Part>& parts, bool bias) const {
  std::int64_t out = 0;
  for (const Part& part : parts) out += part.out;
  const at::Tensor rows = source_.empty({out, in}, dtype_);
  AffineWeights affine{rows.t(), bias ? source_.empty({out}, dtype_) : at::Tensor()};
  std::int64_t begin = 0;
  for (const Part& part : parts) {
    source_.fill(prefix_ + part.name + ".weight", rows.narrow(0, begin, part.out));
    if (bias) source_.fill(prefix_ + part.name + ".bias", affine.b.narrow(0, begin, part.out));
    begin += part.out;
  }
  return affine;
}

Unembed read_unembed(const BlockReader& whole, const ModelConfig& config, const at::Tensor& embed,
                     const NormWeights& norm, const std::string& name) {
  const at::Tensor matrix = config.tied_unembed ? embed : whole.take(name, {config.d_vocab, config.d_model});
  return {config.norm, config.norm_eps, norm.gamma, norm.beta, matrix, {}, config.final_soft_cap};
}

}  // namespace energy_lens
