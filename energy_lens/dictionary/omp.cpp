#include "energy_lens/dictionary/omp.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/core/shape.h"
#include "energy_lens/dictionary/omp_pursuit.h"
#include "energy_lens/kernels/stable_product.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kRows = 64;

void check_input(const at::Tensor& signals, const at::Tensor& atoms, const OmpOptions& options) {
  check_shape("omp_encode", "atoms", atoms, {{"K"}, {"D"}});
  check_shape("omp_encode", "signals", signals, {{"N"}, {"D", atoms.size(1)}});
  const std::int64_t most = std::min<std::int64_t>(atoms.size(0), 512);
  if (options.active < 1 || options.active > most) {
    fail(ErrorKind::Usage, "omp_encode",
         "got " + std::to_string(options.active) + " active atoms, expected 1 to " + std::to_string(most));
  }
  const at::Tensor finite = at::isfinite(signals).all(-1);
  if (!finite.all().item<bool>()) {
    fail(
        ErrorKind::BadInput, "omp_encode",
        "row " + std::to_string(finite.logical_not().to(at::kInt).argmax().item<std::int64_t>()) + " holds NaN or Inf");
  }
}

// [K, K], by blocks of rows.
at::Tensor gram_of(const at::Tensor& atoms) {
  const std::int64_t count = atoms.size(0);
  at::Tensor gram = at::empty({count, count});
  parallel_blocks((count + kRows - 1) / kRows, [&](std::int64_t block) {
    const std::int64_t begin = block * kRows, size = std::min(kRows, count - begin);
    gram.narrow(0, begin, size).copy_(stable_product(atoms.narrow(0, begin, size), atoms.t()));
  });
  return gram;
}

}  // namespace

SparseCodes omp_encode(const at::Tensor& signals, const at::Tensor& atoms, const OmpOptions& options) {
  check_input(signals, atoms, options);
  const std::int64_t rows = signals.size(0), width = atoms.size(1), count = atoms.size(0);
  const at::Tensor d = atoms.contiguous(), x = signals.contiguous(), gram = gram_of(d);
  SparseCodes codes{at::full({rows, options.active}, -1, at::kLong), at::zeros({rows, options.active})};
  parallel_blocks((rows + kRows - 1) / kRows, [&](std::int64_t block) {
    const std::int64_t begin = block * kRows, size = std::min(kRows, rows - begin);
    // Filled up to a whole block: the product's bits must not depend on how many rows come with one.
    at::Tensor padded = at::zeros({kRows, width});
    padded.narrow(0, 0, size).copy_(x.narrow(0, begin, size));
    const at::Tensor products = stable_product(padded, d.t());
    const at::Tensor norms = padded.norm(2, -1);
    OmpPursuit pursuit(gram.data_ptr<float>(), count, options.active);
    for (std::int64_t row = 0; row < size; ++row) {
      const double floor = options.correlation_floor * norms.data_ptr<float>()[row];
      pursuit.run(products.data_ptr<float>() + row * count, floor,
                  codes.atoms.data_ptr<std::int64_t>() + (begin + row) * options.active,
                  codes.values.data_ptr<float>() + (begin + row) * options.active);
    }
  });
  return codes;
}

SparseCodes omp_reference(const at::Tensor& signal, const at::Tensor& atoms, std::int64_t active) {
  const at::Tensor x = signal.to(at::kDouble), d = atoms.to(at::kDouble);
  std::vector<std::int64_t> support;
  at::Tensor values, residual = x;
  for (std::int64_t step = 0; step < active; ++step) {
    at::Tensor correlation = at::mv(d, residual).abs();
    for (const std::int64_t atom : support) correlation[atom] = -1.0;
    support.push_back(correlation.argmax().item<std::int64_t>());
    const at::Tensor basis = d.index_select(0, at::tensor(support)).t();
    values = at::mv(at::linalg_pinv(basis), x);
    residual = x - at::mv(basis, values);
  }
  return {at::tensor(support).unsqueeze(0), values.to(at::kFloat).unsqueeze(0)};
}

}  // namespace energy_lens
