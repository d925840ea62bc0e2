// Text that a model writes itself: every token drawn from its own prediction at temperature 1. On such text the model
// is calibrated exactly, whatever it was trained on.
#pragma once
#include <ATen/ATen.h>

#include <vector>

#include "energy_lens/intervene/full_gradient.h"
#include "energy_lens/model/model.h"

namespace energy_lens::testing {

// `count` texts of `length` tokens that begin with `first`; text n's token t depends on (seed, n, t) alone.
inline std::vector<std::vector<std::int64_t>> sampled_texts(const Model& model, std::int64_t count, std::int64_t length,
                                                            std::int64_t first, std::uint64_t seed) {
  std::vector<std::vector<std::int64_t>> texts(static_cast<std::size_t>(count), {first});
  KvCache cache;
  ForwardOptions options;
  options.logits = false;
  options.cache = &cache;
  for (std::int64_t t = 1; t < length; ++t) {
    std::vector<std::vector<std::int64_t>> last;
    for (const auto& text : texts) last.push_back({text.back()});
    const at::Tensor streams = model.forward(pad_right(last), options).resid;  // [count, 1, D]
    for (std::int64_t n = 0; n < count; ++n) {
      const auto stream = static_cast<std::uint64_t>(n * length + t);
      texts[static_cast<std::size_t>(n)].push_back(sample_labels(model, streams[n], seed, stream)[0]);
    }
  }
  return texts;
}

}  // namespace energy_lens::testing
