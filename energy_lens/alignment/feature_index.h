// Codes turned on their side: for each feature, the tokens where it is active. Only kept positions are listed, and a
// row counts kept positions only: row = document * kept + (rank of the position among the kept ones).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "energy_lens/dictionary/dictionary.h"

namespace energy_lens {

struct ActiveToken {
  std::int32_t row;
  double value;
};

class FeatureIndex {
 public:
  // codes [D * T, S] of D documents of T positions; positions: the kept ones, ascending.
  // Errors: BadInput (rows other than D * T, an atom outside [0, features), a value that is not finite).
  FeatureIndex(const SparseCodes& codes, std::int64_t features, std::int64_t documents,
               std::span<const std::int64_t> positions);

  std::int64_t features() const { return static_cast<std::int64_t>(offsets_.size()) - 1; }
  std::int64_t kept() const { return kept_; }
  std::int64_t rows() const { return documents_ * kept_; }
  std::span<const ActiveToken> active(std::int64_t feature) const;  // rows ascending, values not zero
  // Tokens and documents among those of `counted` [D].
  struct Activity {
    std::int64_t tokens = 0, documents = 0;
  };
  Activity activity(std::int64_t feature, const std::vector<bool>& counted) const;
  std::vector<double> dense(std::int64_t feature) const;  // [D * kept]

 private:
  std::int64_t documents_;
  std::int64_t kept_;
  std::vector<std::int64_t> offsets_;
  std::vector<ActiveToken> tokens_;
};

}  // namespace energy_lens
