#include "energy_lens/lens/sequence_difference.h"

#include <limits>
#include <string>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

at::Tensor steps(const at::Tensor& energy, const char* operation) {
  if (energy.dim() == 0 || energy.size(-1) < 2) {
    fail(ErrorKind::BadInput, operation, "got fewer than two tokens, expected [..., T >= 2]");
  }
  const std::int64_t last = energy.size(-1) - 1;
  return energy.narrow(-1, 1, last) - energy.narrow(-1, 0, last);
}

at::Tensor undefined_column(const at::Tensor& energy) {
  return at::full_like(energy.narrow(-1, 0, 1), std::numeric_limits<double>::quiet_NaN());
}

}  // namespace

at::Tensor forward_difference(const at::Tensor& energy) {
  return at::cat({steps(energy, "forward_difference"), undefined_column(energy)}, -1);
}

at::Tensor backward_difference(const at::Tensor& energy) {
  return at::cat({undefined_column(energy), steps(energy, "backward_difference")}, -1);
}

at::Tensor central_difference(const at::Tensor& energy) {
  const at::Tensor step = steps(energy, "central_difference");
  const std::int64_t count = step.size(-1);
  const at::Tensor inner = (step.narrow(-1, 0, count - 1) + step.narrow(-1, 1, count - 1)) / 2;
  return at::cat({step.narrow(-1, 0, 1), inner, step.narrow(-1, count - 1, 1)}, -1);
}

}  // namespace energy_lens
