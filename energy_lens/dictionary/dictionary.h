// A sparse dictionary: activations x [N, D] <-> sparse codes over K unit atoms. Tensors in, codes out; no model here.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <string>

namespace energy_lens {

// Codes of N rows with exactly S slots each, padded with atom -1 and value 0 where a row has fewer atoms.
struct SparseCodes {
  at::Tensor atoms;   // [N, S] int64
  at::Tensor values;  // [N, S] fp32, in model units (x ~ mean + sum_s values * atom)
};

class Dictionary {
 public:
  virtual ~Dictionary() = default;
  virtual const at::Tensor& atoms() const = 0;                // [K, D] fp32, unit rows: the decoder in model units
  virtual const at::Tensor& mean() const = 0;                 // [D] fp32, subtracted before coding, added after
  virtual SparseCodes encode(const at::Tensor& x) const = 0;  // x [N, D] -> codes
  virtual std::string kind() const = 0;                       // registry name, "omp"
};

// xhat [N, D] = mean [D] + sum_s values[n, s] * atoms[atoms[n, s]].
at::Tensor decode(const at::Tensor& atoms, const at::Tensor& mean, const SparseCodes& codes);
at::Tensor decode(const Dictionary& dictionary, const SparseCodes& codes);

// Codes as a dense [N, K] fp32 matrix (only for small N or tests).
at::Tensor dense_codes(const SparseCodes& codes, std::int64_t n_atoms);

}  // namespace energy_lens
