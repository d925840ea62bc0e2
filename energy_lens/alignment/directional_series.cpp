#include "energy_lens/alignment/directional_series.h"

#include <algorithm>

#include "energy_lens/core/parallel.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kDocumentBlock = 8;

at::Tensor index_tensor(std::span<const std::int64_t> values) {
  return at::tensor(at::ArrayRef<std::int64_t>(values.data(), values.size()), at::kLong);
}

// Means of the gradient, fp64: what the projections of windows.h take from a row.
struct GradientMeans {
  at::Tensor document;  // [D, Dm]
  at::Tensor position;  // [strata, kept, Dm], less the stratum's grand mean
};

}  // namespace

DirectionalSeries::DirectionalSeries(at::Tensor gradient, at::Tensor atoms, std::span<const std::int64_t> positions)
    : gradient_(std::move(gradient)), atoms_(std::move(atoms)), positions_(index_tensor(positions)) {}

std::vector<double> DirectionalSeries::series(std::span<const std::int64_t> features) const {
  const std::int64_t documents = gradient_.size(0), kept = positions_.size(0), rows = documents * kept;
  const at::Tensor directions = -atoms_.index_select(0, index_tensor(features)).to(at::kDouble);
  std::vector<double> out(features.size() * rows);
  parallel_blocks((documents + kDocumentBlock - 1) / kDocumentBlock, [&](std::int64_t block) {
    const std::int64_t begin = block * kDocumentBlock, end = std::min(documents, begin + kDocumentBlock);
    const at::Tensor chunk =
        gradient_.slice(0, begin, end).index_select(1, positions_).to(at::kDouble).reshape({-1, width()});
    const at::Tensor product = at::matmul(directions, chunk.t()).contiguous();
    const double* from = product.data_ptr<double>();
    const std::int64_t count = (end - begin) * kept;
    for (std::size_t f = 0; f < features.size(); ++f) {
      std::copy_n(from + f * count, count, out.data() + f * rows + begin * kept);
    }
  });
  return out;
}

namespace {

GradientMeans gradient_means(const at::Tensor& gradient, const at::Tensor& positions, const Windows& windows) {
  const std::int64_t width = gradient.size(2), strata = static_cast<std::int64_t>(windows.sizes.size());
  GradientMeans means;
  means.document = at::zeros({windows.documents, width}, at::kDouble);
  means.position = at::zeros({strata, windows.tokens, width}, at::kDouble);
  for (std::int64_t d = 0; d < windows.documents; ++d) {
    const at::Tensor rows = gradient[d].index_select(0, positions).to(at::kDouble);
    means.document[d].copy_(rows.mean(0));
    means.position[windows.strata[d]].add_(rows, 1.0 / static_cast<double>(windows.sizes[windows.strata[d]]));
  }
  means.position -= means.position.mean(1, true);
  return means;
}

}  // namespace

std::vector<double> DirectionalSeries::within_products(const FeatureIndex& index,
                                                       std::span<const std::int64_t> features,
                                                       const Windows& windows) const {
  const std::int64_t kept = positions_.size(0), d_model = width();
  const GradientMeans means = gradient_means(gradient_, positions_, windows);
  const at::Tensor gradient = gradient_.index_select(1, positions_).contiguous();
  const float* g = gradient.data_ptr<float>();
  const double* document = means.document.data_ptr<double>();
  const double* position = means.position.data_ptr<double>();
  std::vector<double> out(features.size() * d_model, 0.0);
  parallel_blocks(static_cast<std::int64_t>(features.size()), [&](std::int64_t f) {
    double* sum = out.data() + f * d_model;
    for (const ActiveToken& token : index.active(features[f])) {
      const std::int64_t d = token.row / kept, t = token.row % kept;
      const float* row = g + token.row * d_model;
      const double* of_document = document + d * d_model;
      const double* of_position = position + (windows.strata[d] * kept + t) * d_model;
      for (std::int64_t i = 0; i < d_model; ++i) sum[i] += token.value * (row[i] - of_document[i] - of_position[i]);
    }
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
