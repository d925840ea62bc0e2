#include "energy_lens/lens/self_check.h"

#include <algorithm>
#include <map>

#include "energy_lens/kernels/torch_free/row_kernels.h"
#include "energy_lens/lens/energy.h"
#include "energy_lens/lens/token_loss.h"
#include "energy_lens/model/attention.h"

namespace energy_lens {
namespace {

// Sums of a few thousand fp32 terms of size s differ by about 1e-5 s between two orders of adding.
constexpr double kRelative = 1e-5, kAbsolute = 1e-5;

// Attention that keeps 16 bits of its factors (RowPrecision) is off by 2^-16 of the size of a score, and a weight,
// relatively, by twice that; for scores of size 16.
constexpr double kOfSixteenBits = 32 * 0x1p-16;

double attention_relative(const Model& model) {
  const bool sixteen_bits =
      best_row_kernels().unit == Bfloat16Unit::Blocks && model.unembed().w_u.scalar_type() == at::kBFloat16;
  return sixteen_bits ? kOfSixteenBits : kRelative;
}

void compare(IdentityCheck& check, const at::Tensor& left, const at::Tensor& right, double relative = kRelative) {
  const double tolerance = kAbsolute + relative * right.abs().max().item<double>();
  const double difference = (left - right).abs().max().item<double>();
  // The layer that comes nearest to its own tolerance, or passes it, is the one shown.
  if (check.tolerance == 0.0 || difference * check.tolerance > check.difference * tolerance) {
    check.difference = difference;
    check.tolerance = tolerance;
  }
}

class BlockWatcher : public Observer {
 public:
  BlockWatcher(std::int64_t heads, double attention_relative)
      : heads_(heads), attention_relative_(attention_relative) {}
  bool wants(const SiteRef& ref) const override {
    static const std::vector<Site> sites = {Site::ResidPre, Site::V,      Site::Pattern,  Site::Z,
                                            Site::AttnOut,  Site::MlpOut, Site::ResidPost};
    return std::ranges::find(sites, ref.site) != sites.end();
  }
  void observe(const SiteRef& ref, const at::Tensor& value, const TokenBatch&) override {
    seen_[ref.site] = value.clone();
    if (ref.site == Site::Z) {
      const at::Tensor values = shared_heads(seen_.at(Site::V).transpose(1, 2), heads_);
      compare(attention, at::matmul(seen_.at(Site::Pattern), values).transpose(1, 2), value, attention_relative_);
    }
    if (ref.site == Site::ResidPost) {
      compare(stream, seen_.at(Site::ResidPre) + seen_.at(Site::AttnOut) + seen_.at(Site::MlpOut), value);
    }
  }
  IdentityCheck attention{"attention pattern x values = z"};
  IdentityCheck stream{"resid_pre + attn_out + mlp_out = resid_post"};

 private:
  std::int64_t heads_;
  double attention_relative_;
  std::map<Site, at::Tensor> seen_;
};

IdentityCheck last_layer_identity(const Model& model, const at::Tensor& resid, const std::vector<std::int64_t>& ids) {
  const auto rows = static_cast<std::int64_t>(ids.size()) - 1;
  const at::Tensor targets = at::tensor(ids).narrow(0, 1, rows), last = resid.narrow(0, 0, rows);
  const at::Tensor energy = lens_rows({last}, targets, model.unembed(), {.top_k = 0})[0].energy;
  const LastLayerCheck check = check_last_layer(energy, token_loss(model, last, targets));
  return {"last layer's lens energy = the model's loss", check.difference, check.tolerance};
}

}  // namespace

std::vector<IdentityCheck> check_identities(const Model& model, const std::vector<std::int64_t>& ids) {
  BlockWatcher watcher(model.config().n_heads, attention_relative(model));
  ForwardOptions options;
  options.observer = &watcher;
  options.logits = false;
  const ForwardResult result = model.forward(pad_right({ids}), options);
  return {watcher.attention, watcher.stream, last_layer_identity(model, result.resid[0], ids)};
}

}  // namespace energy_lens
