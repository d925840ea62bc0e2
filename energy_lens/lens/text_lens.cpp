#include "energy_lens/lens/text_lens.h"

#include <string>

#include "energy_lens/core/error.h"
#include "energy_lens/lens/streams.h"
#include "energy_lens/lens/token_loss.h"

namespace energy_lens {
namespace {

double checked_difference(const at::Tensor& energy, const TokenLoss& loss) {
  const LastLayerCheck check = check_last_layer(energy, loss);
  if (!check.holds()) {
    fail(ErrorKind::Internal, "lens_of_text",
         "the last layer's energy differs from the model's loss by " + std::to_string(check.difference) +
             " nats, expected at most " + std::to_string(check.tolerance) + "; please report this model");
  }
  return check.difference;
}

// The last layer's. Rounded rows measure the rounding, too, and a lens without the final norm what it leaves out; both
// are none of the model's.
at::Tensor precise_energy(const TextLens& lens, const at::Tensor& targets, const Unembed& unembed,
                          const LensOptions& options) {
  if (options.kernel != LensKernel::Rounded && options.final_norm) return lens.rows.back().energy;
  return lens_rows({lens.resid.back()}, targets, unembed, {.top_k = 0})[0].energy;
}

}  // namespace

double TextLens::mean_nll() const {
  double mean = 0.0;
  for (const double value : nll) mean += value / static_cast<double>(nll.size());
  return mean;
}

TextLens lens_of_text(const Model& model, const std::vector<std::int64_t>& ids, const std::vector<std::int64_t>& layers,
                      const LensOptions& options) {
  if (ids.size() < 2) {
    fail(ErrorKind::BadInput, "lens_of_text", "got a text of fewer than two tokens, which has no next token to score");
  }
  // The last stream stands at the end whether asked for or not: it defines p^L.
  std::vector<std::int64_t> all = layers;
  all.push_back(model.config().n_layers);
  const Streams streams = capture_streams(model, pad_right({ids}), all);
  const auto rows = static_cast<std::int64_t>(ids.size()) - 1;
  const at::Tensor targets = at::tensor(ids).narrow(0, 1, rows);
  TextLens lens;
  for (const at::Tensor& resid : streams.resid) lens.resid.push_back(resid[0].narrow(0, 0, rows));
  lens.rows = lens_rows(lens.resid, targets, model.unembed(), options);
  const TokenLoss loss = token_loss(model, lens.resid.back(), targets);
  lens.nll.assign(loss.nll.data_ptr<double>(), loss.nll.data_ptr<double>() + rows);
  lens.last_layer_difference = checked_difference(precise_energy(lens, targets, model.unembed(), options), loss);
  lens.resid.pop_back();
  lens.rows.pop_back();
  return lens;
}

}  // namespace energy_lens
