#include "energy_lens/intervene/feature_edit.h"

#include <ATen/core/grad_mode.h>

#include <cmath>
#include <vector>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"
#include "energy_lens/core/shape.h"

namespace energy_lens {
namespace {

constexpr double kLargestAmount = 1e18;  // squares of longer streams leave fp32

}  // namespace

at::Tensor feature_activations(const SparseCodes& codes, std::int64_t feature) {
  return (codes.values.to(at::kDouble) * codes.atoms.eq(feature)).sum(1);
}

at::Tensor coefficient_change(const FeatureEdit& edit, const at::Tensor& activations) {
  check_shape("coefficient_change", "activations", activations, {{"T"}});
  if (!(std::abs(edit.amount) <= kLargestAmount)) {
    fail(ErrorKind::Usage, "coefficient_change",
         "got amount " + std::to_string(edit.amount) + ", expected a number between -1e18 and 1e18");
  }
  const at::Tensor before = activations.to(at::kDouble);
  at::Tensor change;
  switch (edit.kind) {
    case EditKind::Zero:
      change = -before;
      break;
    case EditKind::Scale:
      change = edit.amount * before - before;
      break;
    case EditKind::Clamp:
      change = edit.amount - before;
      break;
    case EditKind::Steer:
      change = at::full_like(before, edit.amount);
      break;
  }
  const at::Tensor position = at::arange(before.size(0), before.options().dtype(at::kLong));
  at::Tensor chosen = position.ge(edit.first_position);
  if (edit.scope == EditScope::Active) chosen = chosen.logical_and(before.ne(0.0));
  return at::where(chosen, change, at::zeros_like(change));
}

at::Tensor add_along(const at::Tensor& stream, const at::Tensor& change, const at::Tensor& direction) {
  check_shape("add_along", "stream", stream, {{"T"}, {"D"}});
  check_shape("add_along", "change", change, {{"T", stream.size(0)}});
  check_shape("add_along", "direction", direction, {{"D", stream.size(1)}});
  const at::Tensor rows = change.nonzero().flatten();
  if (rows.numel() == 0) return stream;
  const at::Tensor moved = at::outer(change.index_select(0, rows).to(at::kDouble), direction.to(at::kDouble));
  return stream.index_add(0, rows, moved.to(stream.scalar_type()));
}

at::Tensor random_direction(std::int64_t width, std::uint64_t seed, std::uint64_t index) {
  Philox random(seed, "intervene/random-direction", index);
  at::Tensor direction = at::empty({width}, at::kDouble);
  double* const values = direction.data_ptr<double>();
  double square = 0.0;
  for (std::int64_t i = 0; i < width; ++i) {
    values[i] = random.normal();
    square += values[i] * values[i];
  }
  return (direction / std::sqrt(square)).to(at::kFloat);
}

FeatureEditor::FeatureEditor(const Dictionary& dictionary, const FeatureEdit& edit, std::optional<at::Tensor> direction)
    : dictionary_(dictionary), edit_(edit) {
  const std::int64_t features = dictionary.atoms().size(0), width = dictionary.atoms().size(1);
  if (edit.feature < 0 || edit.feature >= features) {
    fail(ErrorKind::Usage, "feature_edit",
         "got feature " + std::to_string(edit.feature) + ", expected 0 to " + std::to_string(features - 1));
  }
  if (edit.layer < 0) {
    fail(ErrorKind::Usage, "feature_edit", "got layer " + std::to_string(edit.layer) + ", expected 0 or more");
  }
  direction_ = direction ? *direction : dictionary.atoms()[edit.feature];
  check_shape("feature_edit", "direction", direction_, {{"D", width}});
}

bool FeatureEditor::edits(const SiteRef& site) const { return site == SiteRef{Site::ResidPre, edit_.layer}; }

at::Tensor FeatureEditor::edit(const SiteRef&, const at::Tensor& value, const TokenBatch& batch) {
  at::Tensor edited = value;
  for (std::int64_t b = 0; b < value.size(0); ++b) {
    const at::Tensor stream = value[b].narrow(0, 0, batch.lengths[static_cast<std::size_t>(b)]);
    at::Tensor change;
    {
      const at::NoGradGuard codes_are_fixed;
      const SparseCodes codes = dictionary_.encode(stream.detach().to(at::kFloat).contiguous());
      change = coefficient_change(edit_, feature_activations(codes, edit_.feature));
    }
    if (change.count_nonzero().item<std::int64_t>() == 0) continue;
    if (edited.is_same(value)) edited = value.clone();
    edited[b].narrow(0, 0, stream.size(0)).copy_(add_along(stream, change, direction_));
  }
  return edited;
}

}  // namespace energy_lens
