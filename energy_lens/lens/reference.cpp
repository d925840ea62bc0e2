#include "energy_lens/lens/reference.h"

#include <ATen/core/grad_mode.h>

#include "energy_lens/core/parallel.h"
#include "energy_lens/lens/reference_block.h"

namespace energy_lens {
namespace {

// A row's bits must not depend on how many rows come with it, so every block is filled up to this many.
constexpr std::int64_t kRows = 64;

// Every tensor of LensRows, in one list, so that allocating and filling cannot drift apart.
constexpr at::Tensor LensRows::* kTensors[] = {
    &LensRows::energy,      &LensRows::cross_entropy,    &LensRows::entropy, &LensRows::kl_to_final,
    &LensRows::margin,      &LensRows::target_margin,    &LensRows::rank,    &LensRows::confidence,
    &LensRows::free_energy, &LensRows::depth_descent,    &LensRows::top_ids, &LensRows::top_log_probs,
    &LensRows::gradient,    &LensRows::expected_gradient};

at::Tensor filled_block(const at::Tensor& x, std::int64_t begin, std::int64_t count) {
  const at::Tensor rows = x.narrow(0, begin, count);
  if (count == kRows) return rows.contiguous();
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape[0] = kRows;
  at::Tensor block = at::zeros(shape, x.options());
  block.narrow(0, 0, count).copy_(rows);
  return block;
}

// weights p - e_target, with p_target - 1 as minus the sum of the others.
at::Tensor energy_weights(const LogitBlock& block, const at::Tensor& targets) {
  const at::Tensor others = at::exp(block.log_probs).scatter(-1, targets.unsqueeze(-1), 0.0);
  return others.scatter(-1, targets.unsqueeze(-1), -others.sum(-1, true));
}

std::vector<LensRows> lens_of_block(const std::vector<at::Tensor>& streams, const at::Tensor& targets,
                                    const Unembed& unembed, const LensOptions& options) {
  const LogitBlock last = lens_logits(streams.back(), unembed, options.final_norm);
  const at::Tensor last_energy = lens_scalars(last, last, targets, 0).energy;
  std::vector<LensRows> result;
  for (std::size_t layer = 0; layer < streams.size(); ++layer) {
    const LogitBlock block =
        layer + 1 == streams.size() ? last : lens_logits(streams[layer], unembed, options.final_norm);
    LensRows rows = lens_scalars(block, last, targets, options.top_k);
    rows.depth_descent = rows.energy - last_energy;
    if (options.gradient) rows.gradient = pull_back(energy_weights(block, targets), block, streams[layer], unembed);
    if (options.expected_gradient) {
      rows.expected_gradient =
          pull_back(at::exp(block.log_probs) - at::exp(last.log_probs), block, streams[layer], unembed);
    }
    result.push_back(std::move(rows));
  }
  return result;
}

void allocate_like(std::vector<LensRows>& result, const std::vector<LensRows>& block, std::int64_t rows) {
  for (std::size_t layer = 0; layer < block.size(); ++layer) {
    for (const auto member : kTensors) {
      const at::Tensor& sample = block[layer].*member;
      if (!sample.defined()) continue;
      std::vector<std::int64_t> shape = sample.sizes().vec();
      shape[0] = rows;
      result[layer].*member = at::empty(shape, sample.options());
    }
  }
}

void copy_block(std::vector<LensRows>& result, const std::vector<LensRows>& block, std::int64_t begin,
                std::int64_t count) {
  for (std::size_t layer = 0; layer < block.size(); ++layer) {
    for (const auto member : kTensors) {
      if (!(block[layer].*member).defined()) continue;
      (result[layer].*member).narrow(0, begin, count).copy_((block[layer].*member).narrow(0, 0, count));
    }
  }
}

}  // namespace

std::vector<LensRows> reference_lens_rows(const std::vector<at::Tensor>& streams, const at::Tensor& targets,
                                          const Unembed& unembed, const LensOptions& options) {
  const std::int64_t rows = targets.size(0), blocks = (rows + kRows - 1) / kRows;
  std::vector<LensRows> result(streams.size());
  // One row of zeros shows which tensors there are and of what type.
  std::vector<at::Tensor> sample(streams.size(), at::zeros({1, streams[0].size(1)}, streams[0].options()));
  allocate_like(result, lens_of_block(sample, at::zeros({1}, targets.options()), unembed, options), rows);
  const auto run = [&](std::int64_t block) {
    const at::NoGradGuard no_grad;
    const std::int64_t begin = block * kRows, count = std::min(kRows, rows - begin);
    std::vector<at::Tensor> inputs;
    for (const at::Tensor& stream : streams) inputs.push_back(filled_block(stream, begin, count));
    copy_block(result, lens_of_block(inputs, filled_block(targets, begin, count), unembed, options), begin, count);
  };
  if (streams[0].is_cpu()) {
    parallel_blocks(blocks, run);
  } else {  // an accelerator runs each operator in parallel
    for (std::int64_t block = 0; block < blocks; ++block) run(block);
  }
  return result;
}

}  // namespace energy_lens
