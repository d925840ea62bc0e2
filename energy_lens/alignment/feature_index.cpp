#include "energy_lens/alignment/feature_index.h"

#include <cmath>
#include <string>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

std::int64_t tokens_per_document(const SparseCodes& codes, std::int64_t documents) {
  const auto fits = [&](const at::Tensor& tensor) {
    return tensor.defined() && tensor.dim() == 2 && documents > 0 && tensor.size(0) % documents == 0;
  };
  if (!fits(codes.atoms) || !fits(codes.values) || codes.atoms.sizes() != codes.values.sizes()) {
    fail(ErrorKind::BadInput, "FeatureIndex",
         "got codes that are not [D * T, S] for " + std::to_string(documents) + " documents of equal length");
  }
  return codes.atoms.size(0) / documents;
}

void check_entry(std::int64_t atom, double value, std::int64_t features, std::int64_t row) {
  if (atom < features && std::isfinite(value)) return;
  fail(ErrorKind::BadInput, "FeatureIndex",
       "got atom " + std::to_string(atom) + " with value " + std::to_string(value) + " in row " + std::to_string(row) +
           ", expected an atom below " + std::to_string(features) + " and a finite value");
}

}  // namespace

FeatureIndex::FeatureIndex(const SparseCodes& codes, std::int64_t features, std::int64_t documents,
                           std::span<const std::int64_t> positions)
    : documents_(documents), kept_(static_cast<std::int64_t>(positions.size())) {
  const std::int64_t tokens = tokens_per_document(codes, documents), slots = codes.atoms.size(1);
  const at::Tensor atoms = codes.atoms.to(at::kLong).contiguous(), values = codes.values.to(at::kDouble).contiguous();
  const std::int64_t* atom = atoms.data_ptr<std::int64_t>();
  const double* value = values.data_ptr<double>();
  const auto for_each = [&](const auto& visit) {
    for (std::int64_t row = 0; row < documents * kept_; ++row) {
      const std::int64_t source = row / kept_ * tokens + positions[row % kept_];
      for (std::int64_t i = source * slots; i < (source + 1) * slots; ++i) {
        if (atom[i] >= 0 && value[i] != 0.0) visit(row, atom[i], value[i]);
      }
    }
  };
  offsets_.assign(static_cast<std::size_t>(features) + 1, 0);
  for_each([&](std::int64_t row, std::int64_t feature, double amount) {
    check_entry(feature, amount, features, row);
    ++offsets_[feature + 1];
  });
  for (std::int64_t k = 0; k < features; ++k) offsets_[k + 1] += offsets_[k];
  tokens_.resize(static_cast<std::size_t>(offsets_.back()));
  std::vector<std::int64_t> next(offsets_.begin(), offsets_.end() - 1);
  for_each([&](std::int64_t row, std::int64_t feature, double amount) {
    tokens_[next[feature]++] = {static_cast<std::int32_t>(row), amount};
  });
}

std::span<const ActiveToken> FeatureIndex::active(std::int64_t feature) const {
  return std::span<const ActiveToken>(tokens_).subspan(offsets_[feature], offsets_[feature + 1] - offsets_[feature]);
}

FeatureIndex::Activity FeatureIndex::activity(std::int64_t feature, const std::vector<bool>& counted) const {
  Activity activity;
  std::int64_t last = -1;
  for (const ActiveToken& token : active(feature)) {
    const std::int64_t document = token.row / kept_;
    if (!counted[static_cast<std::size_t>(document)]) continue;
    ++activity.tokens;
    activity.documents += document != last;
    last = document;
  }
  return activity;
}

std::vector<double> FeatureIndex::dense(std::int64_t feature) const {
  std::vector<double> series(static_cast<std::size_t>(rows()), 0.0);
  for (const ActiveToken& token : active(feature)) series[token.row] += token.value;
  return series;
}

}  // namespace energy_lens
