// Edits of one feature of the stream entering a layer, in delta form: h' = h + (a'_k - a_k) d_k. What the dictionary
// does not explain stays in h, so an edit changes nothing but the feature, and a token whose coefficient does not
// change keeps every bit.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <string>

#include "energy_lens/dictionary/dictionary.h"
#include "energy_lens/model/observer.h"

namespace energy_lens {

enum class EditKind {
  Zero,   // a' = 0
  Scale,  // a' = amount * a
  Clamp,  // a' = amount
  Steer,  // a' = a + amount
};

enum class EditScope {
  Active,  // tokens where the feature's coefficient is not 0
  All,     // every token
};

struct FeatureEdit {
  std::int64_t layer = 0;    // l of resid_pre.l
  std::int64_t feature = 0;  // k
  EditKind kind = EditKind::Zero;
  double amount = 0.0;  // model units; unused by Zero
  EditScope scope = EditScope::Active;
  std::int64_t first_position = 0;  // tokens before it stay (1 spares a BOS); counted within one forward call
};

// a_k of every row: [N] fp64, 0 where the feature is not used.
at::Tensor feature_activations(const SparseCodes& codes, std::int64_t feature);

// a'_k - a_k at the T tokens of one sequence: [T] fp64. Errors: Usage (amount NaN or beyond 1e18).
at::Tensor coefficient_change(const FeatureEdit& edit, const at::Tensor& activations);

// stream [T, D] + change [T] (x) direction [D]. Rows with change 0 keep their bits; with none left, returns `stream`
// itself.
at::Tensor add_along(const at::Tensor& stream, const at::Tensor& change, const at::Tensor& direction);

// A uniformly random unit vector [D] fp32 from Philox(seed, "intervene/random-direction", index).
at::Tensor random_direction(std::int64_t width, std::uint64_t seed, std::uint64_t index);

// The edit inside a forward pass; codes are those of Dictionary::encode at each token and held fixed under autograd.
class FeatureEditor : public Editor {
 public:
  // `direction` replaces d_k: with random_direction this is the control that moves the same tokens by the same
  // distance. The dictionary must outlive the editor. Errors: Usage (no such feature,
  // negative layer), BadInput (direction's shape). A layer at or beyond the model's last is never reached: no edit.
  FeatureEditor(const Dictionary& dictionary, const FeatureEdit& edit,
                std::optional<at::Tensor> direction = std::nullopt);
  bool edits(const SiteRef& site) const override;
  at::Tensor edit(const SiteRef& site, const at::Tensor& value, const TokenBatch& batch) override;

 private:
  const Dictionary& dictionary_;
  FeatureEdit edit_;
  at::Tensor direction_;  // [D]
};

}  // namespace energy_lens
