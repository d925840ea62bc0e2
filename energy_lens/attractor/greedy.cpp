#include "energy_lens/attractor/greedy.h"

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/model/unembed_rows.h"

namespace energy_lens {
namespace {

// The stream [D] after the last block at the last token.
at::Tensor last_stream(const Model& model, const std::vector<std::int64_t>& tokens) {
  ForwardOptions options;
  options.logits = false;
  return model.forward(pad_right({tokens}), options).resid[0][-1];
}

}  // namespace

NextTokens greedy_next(const Model& model, std::optional<std::int64_t> bos) {
  return [&model, bos](const std::vector<std::vector<std::int64_t>>& windows) {
    const auto count = static_cast<std::int64_t>(windows.size());
    at::Tensor streams = at::empty({count, model.config().d_model});
    parallel_blocks(count, [&](std::int64_t i) {
      std::vector<std::int64_t> tokens = windows[static_cast<std::size_t>(i)];
      if (bos) tokens.insert(tokens.begin(), *bos);
      streams[i].copy_(last_stream(model, tokens));
    });
    std::vector<std::int64_t> next;
    for_logits_of_rows(model, streams, [&](std::int64_t, const at::Tensor& logits) {
      for (std::int64_t row = 0; row < logits.size(0); ++row) next.push_back(logits[row].argmax().item<std::int64_t>());
    });
    return next;
  };
}

}  // namespace energy_lens
