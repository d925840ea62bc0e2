// The real tokens of a batch as rows without padding: sequence after sequence.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "energy_lens/model/observer.h"

namespace energy_lens {

class RowLayout {
 public:
  explicit RowLayout(const TokenBatch& batch);

  std::int64_t rows() const { return first_.back(); }                                      // R
  std::int64_t sequences() const { return static_cast<std::int64_t>(first_.size()) - 1; }  // B
  std::int64_t first(std::int64_t sequence) const { return first_[static_cast<std::size_t>(sequence)]; }
  std::int64_t length(std::int64_t sequence) const { return first(sequence + 1) - first(sequence); }
  std::int64_t token_of(std::int64_t row) const {
    return token_[static_cast<std::size_t>(row)];
  }  // place in its sequence

  // [B, T, ...] -> [R, ...]; a view where there is no padding.
  at::Tensor packed(const at::Tensor& padded) const;
  // [R, ...] -> [B, T, ...] with zeros for padding; a view where there is none.
  at::Tensor padded(const at::Tensor& rows) const;

 private:
  std::int64_t tokens_;
  bool full_ = true;  // no padding
  std::vector<std::int64_t> first_ = {0}, token_;
};

}  // namespace energy_lens
