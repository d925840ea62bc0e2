#include "energy_lens/lens/text_lens.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "energy_lens/core/error.h"
#include "energy_lens/lens/streams.h"

namespace energy_lens {
namespace {

// The logits are sums of D fp32 products: their rounding grows with their size, and the energy's with it.
constexpr double kRelativeTolerance = 1e-5, kAbsoluteTolerance = 1e-4;

std::vector<double> model_nll(const at::Tensor& logits, const at::Tensor& targets) {
  const at::Tensor z = logits.to(at::kDouble);
  const at::Tensor nll = at::logsumexp(z, -1) - z.gather(-1, targets.unsqueeze(-1)).squeeze(-1);
  return {nll.data_ptr<double>(), nll.data_ptr<double>() + nll.numel()};
}

double check_last_layer(const at::Tensor& energy, const std::vector<double>& nll, const at::Tensor& logits) {
  const at::Tensor e = energy.to(at::kDouble).contiguous();
  double largest = 0.0;
  for (std::int64_t i = 0; i < e.numel(); ++i) largest = std::max(largest, std::abs(e.data_ptr<double>()[i] - nll[i]));
  const double tolerance = kAbsoluteTolerance + kRelativeTolerance * logits.abs().max().item<double>();
  if (!(largest <= tolerance)) {
    fail(ErrorKind::Internal, "lens_of_text",
         "the last layer's energy differs from the model's loss by " + std::to_string(largest) +
             " nats, expected at most " + std::to_string(tolerance) + "; please report this model");
  }
  return largest;
}

// The last layer's. Rounded rows measure the rounding, too, which is none of the model's.
at::Tensor precise_energy(const TextLens& lens, const at::Tensor& targets, const Unembed& unembed,
                          const LensOptions& options) {
  if (options.kernel != LensKernel::Rounded) return lens.rows.back().energy;
  return lens_rows({lens.resid.back()}, targets, unembed, {.top_k = 0})[0].energy;
}

}  // namespace

TextLens lens_of_text(const Model& model, const std::vector<std::int64_t>& ids, const std::vector<std::int64_t>& layers,
                      const LensOptions& options) {
  if (ids.size() < 2) {
    fail(ErrorKind::BadInput, "lens_of_text", "got a text of fewer than two tokens, which has no next token to score");
  }
  // The last stream stands at the end whether asked for or not: it defines p^L.
  std::vector<std::int64_t> all = layers;
  all.push_back(model.config().n_layers);
  const Streams streams = capture_streams(model, pad_right({ids}), all, true);
  const auto rows = static_cast<std::int64_t>(ids.size()) - 1;
  const at::Tensor targets = at::tensor(ids).narrow(0, 1, rows);
  TextLens lens;
  for (const at::Tensor& resid : streams.resid) lens.resid.push_back(resid[0].narrow(0, 0, rows));
  lens.rows = lens_rows(lens.resid, targets, model.unembed(), options);
  const at::Tensor logits = streams.logits[0].narrow(0, 0, rows);
  lens.nll = model_nll(logits, targets);
  lens.last_layer_difference = check_last_layer(precise_energy(lens, targets, model.unembed(), options), lens.nll, logits);
  lens.resid.pop_back();
  lens.rows.pop_back();
  return lens;
}

}  // namespace energy_lens
