// Equal windows: D documents of T positions each, and the projections that make a within-document series of them.
// A series is [D, T] fp64, row-major. A position mean is taken over the documents of one stratum, so the null of a
// permutation inside strata has mean zero; a stratum of one document is then all zeros and contributes nothing.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace energy_lens {

struct Windows {
  std::int64_t documents = 0;
  std::int64_t tokens = 0;
  std::vector<std::int64_t> strata;  // [D], 0..n_strata-1
  std::vector<std::int64_t> sizes;   // [n_strata] documents

  std::int64_t size() const { return documents * tokens; }
  // Whether a document shares its stratum with another.
  bool comparable(std::int64_t document) const { return sizes[strata[document]] > 1; }
  std::vector<bool> comparable_documents() const;  // [D]
};

// labels [D] may be any numbers; empty means one stratum. Errors: Usage (another length, D or T < 1).
Windows make_windows(std::int64_t documents, std::int64_t tokens, std::span<const std::int64_t> labels = {});

// x[d, t] -= mean over the documents e of d's stratum of x[e, t].
void remove_position_means(std::span<double> x, const Windows& windows);

// x[d, t] -= mean over t of x[d, t].
void remove_document_means(std::span<double> x, const Windows& windows);

// Correlation of two series after projections, from their products; raw: the sums of squares before. What is left of a
// series, when it is no more than rounding, is no variance: NaN.
double residual_correlation(double xy, double xx, double yy, double raw_xx, double raw_yy);

// How a series a aligns with a series s.
struct SeriesScore {
  double pooled = 0.0;   // Pearson over all tokens, nothing removed
  double within = 0.0;   // position means removed, then document means: the primary score
  double between = 0.0;  // Pearson of the document means, position means removed
  // Exact split of the covariance after position means are removed: covariance = within + between.
  double covariance = 0.0;
  double covariance_within = 0.0;
  double covariance_between = 0.0;
  double mean_product = 0.0;      // A = E[a s], nats a token when s is a descent
  double mean_abs_product = 0.0;  // E|a s|
};

// Scores undefined for lack of variance are NaN. On return a and s hold their within-document series.
SeriesScore score_series(std::span<double> a, std::span<double> s, const Windows& windows);

}  // namespace energy_lens
