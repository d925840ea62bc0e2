#include "energy_lens/attractor/greedy.h"

#include <ATen/ATen.h>

#include <vector>

namespace energy_lens {

NextTokens greedy_next(const Model& model, std::optional<std::int64_t> bos) {
  return [&model, bos](const std::vector<std::vector<std::int64_t>>& windows) {
    std::vector<std::vector<std::int64_t>> inputs = windows;
    if (bos) {
      for (std::vector<std::int64_t>& input : inputs) input.insert(input.begin(), *bos);
    }
    const TokenBatch batch = pad_right(inputs);
    ForwardOptions options;
    options.logits = false;
    const at::Tensor resid = model.forward(batch, options).resid;
    // Only the last position of each row is unembedded: the vocabulary is the costly part of a short window.
    const auto rows = static_cast<std::int64_t>(inputs.size());
    std::vector<at::Tensor> last;
    for (std::int64_t b = 0; b < rows; ++b) last.push_back(resid[b][batch.lengths[b] - 1]);
    const TokenBatch single{at::zeros({rows, 1}, at::kLong), std::vector<std::int64_t>(inputs.size(), 1)};
    const at::Tensor logits =
        model.forward_from(model.config().n_layers, at::stack(last).unsqueeze(1), single).logits.squeeze(1);
    const at::Tensor best = logits.argmax(-1).to(at::kCPU).contiguous();
    return std::vector<std::int64_t>(best.data_ptr<std::int64_t>(), best.data_ptr<std::int64_t>() + rows);
  };
}

}  // namespace energy_lens
