// One hot path on its generic kernels, for counting instructions: hot_paths PATH SIZE. Links without torch, so that the
// count is the kernel's own.
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "energy_lens/core/philox.h"
#include "energy_lens/kernels/torch_free/lens_kernel.h"
#include "energy_lens/kernels/torch_free/permutation_kernel.h"
#include "energy_lens/kernels/torch_free/row_kernels.h"

namespace {

using namespace energy_lens;

std::vector<float> numbers(std::int64_t count) {
  Philox random(0, "hot-paths");
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(random.uniform() - 0.5);
  return values;
}

// Energy, entropy, top 10 and gradient of `rows` rows at one layer.
double lens(std::int64_t rows) {
  constexpr std::int64_t kWidth = 96, kVocabulary = 512, kTop = 10;
  const std::vector<float> stream = numbers(rows * kWidth), w = numbers(kVocabulary * kWidth), gamma = numbers(kWidth);
  const std::vector<std::int64_t> targets(static_cast<std::size_t>(rows), 7);
  std::vector<float> energy(targets.size()), entropy(targets.size()), gradient(stream.size()),
      top(targets.size() * kTop);
  std::vector<std::int64_t> ids(top.size());
  LensJob job;
  job.head.w = {w.data(), false, kWidth, kVocabulary, kWidth};
  job.head.gamma = gamma.data();
  job.head.eps = 1e-5;
  job.targets = targets.data();
  job.rows = rows;
  job.top_k = kTop;
  LensLayer layer;
  layer.stream = stream.data();
  layer.stride = kWidth;
  layer.energy = energy.data();
  layer.entropy = entropy.data();
  layer.gradient = gradient.data();
  layer.top_ids = ids.data();
  layer.top_log_probs = top.data();
  job.layers = {layer};
  const LensTiles& tiles = generic_lens_tiles();
  const LensChunk chunk = lens_chunk(job, tiles, 1 << 20);
  LensArena arena;
  for (std::int64_t begin = 0; begin < rows; begin += chunk.rows) lens_rows_of_chunk(job, chunk, begin, tiles, arena);
  return energy[0];
}

// What 1,000 permutations add to the statistic of one feature for each two documents where it is active, of 64.
double permutations(std::int64_t pairs) {
  constexpr std::int64_t kPermutations = 1000, kDocuments = 64;
  const PermutationKernel& kernel = generic_permutation_kernel();
  const std::vector<float> shares(kDocuments, 0.5), common(shares);
  std::vector<std::uint64_t> packed(kDocuments), totals(kPermutations);
  std::vector<std::uint16_t> target(kPermutations);
  for (std::size_t p = 0; p < target.size(); ++p) target[p] = static_cast<std::uint16_t>(p * 7 % kDocuments);
  for (std::int64_t pair = 0; pair < pairs; ++pair) {
    kernel.pack({1.0, 1.0, 1.0}, shares.data(), common.data(), kDocuments, packed.data());
    const std::uint64_t* const these[] = {packed.data(), packed.data()};
    const std::uint16_t* const targets[] = {target.data(), target.data()};
    kernel.add_packed(2, these, targets, kPermutations, totals.data());
  }
  return static_cast<double>(totals[0]);
}

// rows [R, 96] times [96, 288], with a bias and GELU: a block's widest product.
double product(std::int64_t rows) {
  constexpr std::int64_t kWidth = 96, kColumns = 288;
  const RowKernels& kernels = generic_row_kernels();
  const std::vector<float> x = numbers(rows * kWidth), w = numbers(kWidth * kColumns), bias = numbers(kColumns);
  std::vector<float> y(static_cast<std::size_t>(rows * kColumns));
  RowProduct product{{x.data(), kWidth}, {y.data(), kColumns},   rows, {w.data(), false, kWidth, kColumns, kColumns, 1},
                     bias.data(),        RowActivation::GeluTanh};
  auto* const scratch = static_cast<float*>(
      std::aligned_alloc(64, static_cast<std::size_t>((kernels.product_scratch() * 4 + 63) / 64 * 64)));
  kernels.multiply(product, 0, (kColumns + kernels.panel - 1) / kernels.panel, scratch);
  std::free(scratch);
  return y[0];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view path = argv[1];
  const std::int64_t size = std::atoll(argv[2]);
  const double result = path == "lens" ? lens(size) : path == "product" ? product(size) : permutations(size);
  std::printf("%s %lld: %.6g\n", argv[1], static_cast<long long>(size), result);
}
