#include "energy_lens/alignment/directional_series.h"

#include <algorithm>

#include "energy_lens/core/parallel.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kDocumentBlock = 8, kFeatureBlock = 32;

at::Tensor index_tensor(std::span<const std::int64_t> values) {
  return at::tensor(at::ArrayRef<std::int64_t>(values.data(), values.size()), at::kLong);
}

}  // namespace

DirectionalSeries::DirectionalSeries(at::Tensor gradient, at::Tensor atoms, std::span<const std::int64_t> positions)
    : gradient_(std::move(gradient)), atoms_(std::move(atoms)), positions_(index_tensor(positions)) {}

at::Tensor DirectionalSeries::documents_of(std::int64_t begin, std::int64_t end) const {
  return gradient_.slice(0, begin, end).index_select(1, positions_).to(at::kDouble).reshape({-1, width()});
}

std::vector<double> DirectionalSeries::series(std::span<const std::int64_t> features) const {
  const std::int64_t documents = gradient_.size(0), kept = positions_.size(0), rows = documents * kept;
  const at::Tensor directions = -atoms_.index_select(0, index_tensor(features)).to(at::kDouble);
  std::vector<double> out(features.size() * rows);
  parallel_blocks((documents + kDocumentBlock - 1) / kDocumentBlock, [&](std::int64_t block) {
    const std::int64_t begin = block * kDocumentBlock, end = std::min(documents, begin + kDocumentBlock);
    const at::Tensor product = at::matmul(directions, documents_of(begin, end).t()).contiguous();
    const double* from = product.data_ptr<double>();
    const std::int64_t count = (end - begin) * kept;
    for (std::size_t f = 0; f < features.size(); ++f) {
      std::copy_n(from + f * count, count, out.data() + f * rows + begin * kept);
    }
  });
  return out;
}

std::vector<double> DirectionalSeries::within_products(const FeatureIndex& index,
                                                       std::span<const std::int64_t> features,
                                                       const Windows& windows) const {
  const auto count = static_cast<std::int64_t>(features.size());
  std::vector<double> out(static_cast<std::size_t>(count * width()));
  parallel_blocks((count + kFeatureBlock - 1) / kFeatureBlock, [&](std::int64_t block) {
    const std::int64_t begin = block * kFeatureBlock, size = std::min(kFeatureBlock, count - begin);
    at::Tensor a = at::empty({size, windows.documents, windows.tokens}, at::kDouble);
    for (std::int64_t f = 0; f < size; ++f) {
      const std::span<double> row(a[f].data_ptr<double>(), static_cast<std::size_t>(windows.size()));
      const std::vector<double> dense = index.dense(features[begin + f]);
      std::copy(dense.begin(), dense.end(), row.begin());
      remove_position_means(row, windows);
      remove_document_means(row, windows);
    }
    at::Tensor sum = at::zeros({size, width()}, at::kDouble);
    for (std::int64_t from = 0; from < windows.documents; from += kDocumentBlock) {
      const std::int64_t to = std::min(windows.documents, from + kDocumentBlock);
      sum.addmm_(a.slice(1, from, to).reshape({size, -1}), documents_of(from, to));
    }
    std::copy_n(sum.data_ptr<double>(), size * width(), out.data() + begin * width());
  });
  return out;
}

}  // namespace energy_lens
