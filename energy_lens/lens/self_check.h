// Three identities that a correctly loaded model satisfies whatever its family, measured on one text.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "energy_lens/model/model.h"

namespace energy_lens {

struct IdentityCheck {
  std::string identity;     // what was compared
  double difference = 0.0;  // largest absolute difference over all layers and tokens
  double tolerance = 0.0;   // fp32 rounding at the size of the compared numbers
  bool holds() const { return difference <= tolerance; }
};

// Attention pattern times values = z; resid_pre + attn_out + mlp_out = resid_post; last layer's lens energy = the
// model's loss. ids: 2 to n_ctx tokens. Errors: those of Model::forward and lens_rows.
std::vector<IdentityCheck> check_identities(const Model& model, const std::vector<std::int64_t>& ids);

}  // namespace energy_lens
