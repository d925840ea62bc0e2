// The calls of a forward pass to whoever watches or edits it.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>

#include "energy_lens/model/model.h"

namespace energy_lens {

class SiteVisits {
 public:
  SiteVisits(const TokenBatch& batch, const ForwardOptions& options) : batch_(batch), options_(options) {}

  bool watched(Site site, std::int64_t layer) const;

  // value [B, T, ...] of the site -> what goes on from there: `value` itself, or the editor's.
  // Errors: Usage (an editor that changes shape or dtype).
  at::Tensor visit(Site site, std::int64_t layer, const at::Tensor& value) const;

 private:
  const TokenBatch& batch_;
  const ForwardOptions& options_;
};

}  // namespace energy_lens
