#include "energy_lens/alignment/efas_input.h"

#include <string>

#include "energy_lens/core/error.h"
#include "energy_lens/core/shape.h"

namespace energy_lens {
namespace {

constexpr const char* kOperation = "compute_efas";

void check_finite(const char* name, const at::Tensor& tensor) {
  if (at::isfinite(tensor).all().item<bool>()) return;
  fail(ErrorKind::BadInput, kOperation, std::string("got NaN or infinity in ") + name + ", expected finite numbers");
}

void check_gradient(const EfasInput& input, const char* name, const at::Tensor& gradient) {
  if (!gradient.defined()) return;
  check_shape(kOperation, name, gradient, {{"D", input.documents}, {"T", input.tokens}, {"Dm", input.atoms.size(1)}});
  check_finite(name, gradient);
}

void check_input(const EfasInput& input) {
  check_shape(kOperation, "atoms", input.atoms, {{"K"}, {"Dm"}});
  check_shape(kOperation, "codes.atoms", input.codes.atoms, {{"D * T", input.documents * input.tokens}, {"S"}});
  if (!input.gradient.defined() && !input.expected_gradient.defined()) {
    fail(ErrorKind::BadInput, kOperation, "got no gradient, expected a gradient, an expected gradient or both");
  }
  check_gradient(input, "gradient", input.gradient);
  check_gradient(input, "expected_gradient", input.expected_gradient);
  if (input.norm_scale.defined()) {
    check_shape(kOperation, "norm_scale", input.norm_scale, {{"D", input.documents}, {"T", input.tokens}});
    check_finite("norm_scale", input.norm_scale);
    if (!input.norm_scale.gt(0).all().item<bool>()) {
      fail(ErrorKind::BadInput, kOperation, "got a norm_scale that is not positive, expected sigma > 0");
    }
  }
}

void check_options(const EfasOptions& options, std::int64_t features) {
  if (options.permutations < 1 || options.bootstrap_replicates < 1 || options.control_draws < 0 || options.shifts < 0) {
    fail(ErrorKind::Usage, kOperation,
         "got fewer than one permutation or bootstrap replicate, or negative draws or shifts");
  }
  for (const std::int64_t k : options.features) {
    if (k >= 0 && k < features) continue;
    fail(ErrorKind::Usage, kOperation,
         "got feature " + std::to_string(k) + ", expected one below " + std::to_string(features));
  }
}

}  // namespace

void check_efas(const EfasInput& input, const EfasOptions& options) {
  check_input(input);
  check_options(options, input.atoms.size(0));
}

std::vector<std::int64_t> kept_positions(const EfasInput& input) {
  std::vector<std::int64_t> positions;
  at::Tensor mask = input.mask;
  if (mask.defined()) {
    check_shape(kOperation, "mask", mask, {{"T", input.tokens}});
    mask = mask.to(at::kBool).contiguous();
  }
  for (std::int64_t t = 0; t < input.tokens; ++t) {
    if (!mask.defined() || mask.data_ptr<bool>()[t]) positions.push_back(t);
  }
  if (positions.size() >= 2) return positions;
  fail(ErrorKind::BadInput, kOperation,
       "got " + std::to_string(positions.size()) + " kept positions, expected at least 2");
}

std::vector<std::int64_t> finite_positions(const at::Tensor& values, std::span<const std::int64_t> positions) {
  const at::Tensor finite = at::isfinite(values).all(0).contiguous();
  std::vector<std::int64_t> kept;
  for (const std::int64_t t : positions) {
    if (finite.data_ptr<bool>()[t]) kept.push_back(t);
  }
  return kept;
}

}  // namespace energy_lens
