#include "energy_lens/lens/energy.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <string>

#include "energy_lens/core/error.h"
#include "energy_lens/core/shape.h"
#include "energy_lens/lens/fused.h"
#include "energy_lens/lens/reference.h"

namespace energy_lens {
namespace {

// Looked through in pieces: a mask of all rows would grow with them.
constexpr std::int64_t kRowsAtOnce = 1024;

void check_finite(const at::Tensor& stream, std::size_t layer) {
  for (std::int64_t begin = 0; begin < stream.size(0); begin += kRowsAtOnce) {
    const std::int64_t count = std::min(kRowsAtOnce, stream.size(0) - begin);
    const at::Tensor finite = at::isfinite(stream.narrow(0, begin, count)).all(-1);
    if (finite.all().item<bool>()) continue;
    const std::int64_t row = begin + finite.logical_not().to(at::kInt).argmax().item<std::int64_t>();
    fail(ErrorKind::BadInput, "lens_rows",
         "stream " + std::to_string(layer) + " holds NaN or Inf, first in row " + std::to_string(row));
  }
}

void check_streams(const std::vector<at::Tensor>& streams, const at::Tensor& targets, const Unembed& unembed,
                   std::int64_t top_k) {
  if (streams.empty()) fail(ErrorKind::BadInput, "lens_rows", "got no stream, expected at least the last layer's");
  const std::int64_t rows = streams.back().size(0), width = unembed.w_u.size(1), vocabulary = unembed.w_u.size(0);
  check_shape("lens_rows", "targets", targets, {{"N", rows}});
  for (std::size_t layer = 0; layer < streams.size(); ++layer) {
    check_shape("lens_rows", "stream " + std::to_string(layer), streams[layer], {{"N", rows}, {"D", width}});
    check_finite(streams[layer], layer);
  }
  if (rows > 0 && (targets.min().item<std::int64_t>() < 0 || targets.max().item<std::int64_t>() >= vocabulary)) {
    fail(ErrorKind::BadInput, "lens_rows", "got a target outside 0.." + std::to_string(vocabulary - 1));
  }
  if (top_k < 0 || top_k > vocabulary) {
    fail(ErrorKind::BadInput, "lens_rows",
         "got top_k " + std::to_string(top_k) + ", expected 0 to the vocabulary's " + std::to_string(vocabulary));
  }
}

}  // namespace

std::vector<LensRows> lens_rows(const std::vector<at::Tensor>& streams, const at::Tensor& targets,
                                const Unembed& unembed, const LensOptions& options) {
  check_streams(streams, targets, unembed, options.top_k);
  if (!options.final_norm && (options.gradient || options.expected_gradient)) {
    fail(ErrorKind::Usage, "lens_rows", "got gradients asked for without the final norm, expected one or the other");
  }
  const at::NoGradGuard no_grad;
  const bool fused = options.final_norm && options.kernel != LensKernel::Reference && fits_fused(streams, unembed);
  return fused ? fused_lens_rows(streams, targets, unembed, options)
               : reference_lens_rows(streams, targets, unembed, options);
}

}  // namespace energy_lens
