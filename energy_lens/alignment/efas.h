// Energy-feature alignment scores (EFAS): does a feature fire where moving along its decoder row lowers the energy?
//   s_k[d, t] = -d_k . grad E[d, t]      energy descent per unit of activation, nats
//   EFAS-D    = Pearson(a_k, s_k), grad of the energy of the true next token
//   EFAS-RB   = the same with the expected gradient, grad KL(p^L || p^l): label noise removed (Rao-Blackwell)
//   EFAS-N    = norm-free: Pearson(a_k / sigma, sigma s_k), sigma the scale of the final norm
// The primary score is the within-document one (see SeriesScore) of EFAS-RB, or of EFAS-D when no expected gradient is
// given; its null is document permutation with max-T over features (stats/permutation.h), its interval the document
// bootstrap, and a feature counts as aligned only if it also beats borrowed decoder rows (direction_control.h).
// SecondaryReadings stand beside it: another null, covariates held fixed, what sparseness does.
// Bounds, in fp64 numbers: 256 x D * T while features are tested (those that stats/permutation.h holds at a time), else
// 32 x D * T for each gradient, or for each thread in the control, with 10 x D * T more a thread and one D * T a
// covariate for the readings; never [D, D, K] nor a dense [D * T, K].
//
//   EfasInput input{.documents = D, .tokens = T, .codes = dictionary.encode(resid.flatten(0, 1))};
//   input.atoms = dictionary.atoms();
//   input.gradient = g;                               // [D, T, Dm], LensRows::gradient
//   input.expected_gradient = gbar;                   // [D, T, Dm], LensRows::expected_gradient
//   input.strata = labels;                            // [D]
//   input.scalars = sequence_series(energy, depth);   // sequence_energy.h
//   EfasResult a = compute_efas(input_of_split_a, options), b = compute_efas(input_of_split_b, options);
//   Replication confirmed = replicate(a, b);          // replication.h
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

#include "energy_lens/alignment/sparse_scores.h"
#include "energy_lens/alignment/windows.h"
#include "energy_lens/core/progress.h"
#include "energy_lens/dictionary/dictionary.h"
#include "energy_lens/stats/correlation.h"

namespace energy_lens {

// A scalar at every token to align activations with. A position where any document's value is not finite is left out
// (a difference has no value at an end, the last token no energy).
struct ScalarSeries {
  std::string name;   // for messages
  at::Tensor values;  // [D, T]
};

// Equal windows of one split at one layer: D documents, T positions each, in the same order everywhere; Dm the width.
struct EfasInput {
  std::int64_t documents = 0;        // D
  std::int64_t tokens = 0;           // T
  SparseCodes codes;                 // [D * T, S], document-major
  at::Tensor atoms;                  // [K, Dm] decoder rows, model units
  at::Tensor gradient;               // [D, T, Dm] grad E, or undefined
  at::Tensor expected_gradient;      // [D, T, Dm] grad KL(p^L || p^l), or undefined; at least one of the two
  at::Tensor norm_scale;             // [D, T] sigma > 0, or undefined: no EFAS-N
  at::Tensor mask;                   // [T] bool, positions kept in every document, or undefined: all
  std::vector<std::int64_t> strata;  // [D] labels, permuted only inside; empty: one
  std::vector<ScalarSeries> scalars;
  std::vector<ScalarSeries> covariates;  // held fixed in the partial score; empty: none is computed
};

struct EfasOptions {
  std::int64_t permutations = 9999;
  std::int64_t bootstrap_replicates = 1000;
  std::int64_t control_draws = 200;
  bool readings = true;       // SecondaryReadings of the features tested
  std::int64_t shifts = 999;  // circular shifts of their secondary null
  std::uint64_t seed = 0;
  double level = 0.05;
  std::vector<std::int64_t> features = {};  // the ones to test, e.g. discoveries; empty: all
  // A feature below is reported untestable and is in no family of tests.
  std::int64_t min_active_tokens = 200;
  std::int64_t min_active_documents = 20;
  // A split below is underpowered: nothing in it is called aligned.
  std::int64_t min_documents = 100;
  std::int64_t min_tokens = 20000;
};

// p-values of the primary score; NaN for untestable features.
struct AlignmentTest {
  double statistic = 0.0;  // studentised T
  double p = 0.0;          // two-sided, document permutation
  double p_greater = 0.0;
  double p_less = 0.0;
  double max_t = 0.0;      // single step
  double step_down = 0.0;  // Westfall-Young
  double bh_q = 0.0;
  double by_q = 0.0;
};

// The primary alignment read in other ways, without a family of tests: what a reader may object to it, answered beside
// it. All NaN for untestable features and where readings are off.
struct SecondaryReadings {
  double shift_p = 0.0;       // two-sided, circular shift inside documents (stats/circular_shift.h), unadjusted
  double partial = 0.0;       // the covariates held fixed (partial_alignment.h); NaN without covariates
  Interval partial_interval;  // 95%, document bootstrap of the residuals
  SparseScores sparse;
};

struct FeatureScore {
  std::int64_t feature = 0;
  std::int64_t active_tokens = 0;
  std::int64_t active_documents = 0;
  double negative_share = 0.0;  // of the active tokens: codes may be signed
  bool testable = false;
  SeriesScore direct;             // EFAS-D; all NaN without gradient
  SeriesScore expected;           // EFAS-RB; all NaN without expected gradient
  SeriesScore norm_free;          // EFAS-N of the primary gradient; all NaN without norm_scale
  double primary = 0.0;           // the within-document score that is tested
  double effective_tokens = 0.0;  // N_eff
  AlignmentTest test;
  SecondaryReadings readings;
  Interval interval;          // 95% of primary, document bootstrap; NaN for untestable features
  double control_mean = 0.0;  // mean |r| with borrowed decoder rows
  double control_z = 0.0;
  double control_max_t = 0.0;
  bool aligned = false;  // testable, powered, and both max-T at most level
};

// A scalar series against every feature: effect sizes beside the primary score, without tests of their own.
struct ScalarFeatureScore {
  std::int64_t feature = 0;
  SeriesScore score;
};

struct ScalarResult {
  std::string name;
  std::int64_t positions = 0;                // kept ones with a value
  std::vector<ScalarFeatureScore> features;  // the features of EfasResult, in its order
};

// Which gradient the score that is tested takes.
enum class PrimaryScore {
  Direct,    // EFAS-D
  Expected,  // EFAS-RB
};

const char* score_name(PrimaryScore score);  // "EFAS-D", "EFAS-RB"

struct EfasResult {
  PrimaryScore primary = PrimaryScore::Direct;
  std::int64_t documents = 0;  // that can change places with another of their stratum; only these count
  std::int64_t alone = 0;      // the others
  std::int64_t tokens = 0;     // documents x kept positions
  std::int64_t features = 0;   // K of the dictionary
  std::int64_t silent = 0;     // features asked for that are active nowhere; they have no score
  std::int64_t tested = 0;     // the size of the family behind max-T, BH and BY
  std::int64_t permutations = 0;
  std::int64_t shifts = 0;  // behind SecondaryReadings::shift_p
  std::uint64_t seed = 0;
  bool underpowered = false;
  std::vector<FeatureScore> scores;  // features active somewhere, ascending id
  std::vector<ScalarResult> scalars;
};

// Errors: BadInput (shapes, gradients or sigma not finite, an empty mask), Usage (options), Interrupted.
EfasResult compute_efas(const EfasInput& input, const EfasOptions& options = {}, Progress& progress = no_progress());

}  // namespace energy_lens
