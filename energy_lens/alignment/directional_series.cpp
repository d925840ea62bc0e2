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

DocumentProducts document_products(std::span<const ActiveToken> active, std::span<const double> s,
                                   const Windows& windows) {
  const std::int64_t documents = windows.documents, kept = windows.tokens;
  std::vector<double> by_position(s.size());  // [kept, D]: one active token then reads one contiguous row
  for (std::int64_t d = 0; d < documents; ++d) {
    for (std::int64_t t = 0; t < kept; ++t) by_position[t * documents + d] = s[d * kept + t];
  }
  std::vector<double> mean_a(windows.sizes.size() * kept, 0.0);
  DocumentProducts products;
  products.common.assign(static_cast<std::size_t>(documents), 0.0);
  for (const ActiveToken& token : active) {
    const auto d = static_cast<std::int32_t>(token.row / kept);
    const std::int64_t t = token.row % kept, stratum = windows.strata[d];
    mean_a[stratum * kept + t] += token.value / static_cast<double>(windows.sizes[stratum]);
    if (products.rows.empty() || products.rows.back() != d) {
      products.rows.push_back(d);
      products.excess.resize(products.rows.size() * documents, 0.0);
    }
    double* row = products.excess.data() + (products.rows.size() - 1) * documents;
    const double* column = by_position.data() + t * documents;
    for (std::int64_t e = 0; e < documents; ++e) row[e] += token.value * column[e];
  }
  for (std::int64_t e = 0; e < documents; ++e) {
    const double* mean = mean_a.data() + windows.strata[e] * kept;
    for (std::int64_t t = 0; t < kept; ++t) products.common[e] -= mean[t] * s[e * kept + t];
  }
  return products;
}

}  // namespace energy_lens
