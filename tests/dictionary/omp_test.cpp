#include "energy_lens/dictionary/omp.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"
#include "energy_lens/dictionary/metrics.h"
#include "energy_lens/dictionary/omp_dictionary.h"

namespace energy_lens {
namespace {

at::Tensor gaussian(const char* name, std::vector<std::int64_t> shape) {
  at::Tensor x = at::empty(shape);
  Philox random(5, name);
  for (std::int64_t i = 0; i < x.numel(); ++i) x.data_ptr<float>()[i] = static_cast<float>(random.normal());
  return x;
}

at::Tensor unit(const at::Tensor& x) { return x / x.norm(2, -1, true); }

// [I ; Hadamard / 16] in 256 dimensions: coherence exactly 1/16, so every support of up to 8 atoms is recovered.
at::Tensor identity_and_hadamard() {
  at::Tensor h = at::ones({1, 1});
  while (h.size(0) < 256) h = at::cat({at::cat({h, h}, 1), at::cat({h, -h}, 1)}, 0);
  return at::cat({at::eye(256), h / 16.0}, 0);
}

TEST(Omp, RecoversEverySupportBelowTheCoherenceBound) {
  const at::Tensor atoms = identity_and_hadamard();
  for (std::uint64_t trial = 0; trial < 150; ++trial) {
    Philox random(1, "support", trial);
    const auto size = static_cast<std::int64_t>(1 + random.below(8));
    std::set<std::int64_t> support;
    while (static_cast<std::int64_t>(support.size()) < size)
      support.insert(static_cast<std::int64_t>(random.below(512)));
    at::Tensor x = at::zeros({1, 256});
    for (const std::int64_t k : support)
      x[0] += atoms[k] * (random.normal() > 0 ? 1.0 : -1.0) * (0.5 + random.uniform());
    const SparseCodes codes = omp_encode(x, atoms, {.active = 8});
    std::set<std::int64_t> found;
    for (std::int64_t s = 0; s < 8; ++s) {
      if (codes.atoms[0][s].item<std::int64_t>() >= 0) found.insert(codes.atoms[0][s].item<std::int64_t>());
    }
    EXPECT_EQ(found, support) << "trial " << trial;
  }
}

TEST(Omp, EqualsTheLeastSquaresReference) {
  const at::Tensor atoms = unit(gaussian("atoms", {60, 24})), x = gaussian("x", {100, 24});
  const SparseCodes codes = omp_encode(x, atoms, {.active = 6});
  for (std::int64_t row = 0; row < 100; ++row) {
    const SparseCodes reference = omp_reference(x[row], atoms, 6);
    EXPECT_TRUE(at::equal(codes.atoms[row], reference.atoms[0])) << row;
    EXPECT_LT((codes.values[row] - reference.values[0]).abs().max().item<float>(), 1e-4);
  }
}

TEST(Omp, NeitherSplitsNorThreadsChangeABit) {
  const at::Tensor atoms = unit(gaussian("atoms", {60, 24})), x = gaussian("x", {200, 24});
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const SparseCodes one = omp_encode(x, atoms, {.active = 5});
  at::set_num_threads(2);
  const SparseCodes two = omp_encode(x, atoms, {.active = 5});
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one.values, two.values) && at::equal(one.atoms, two.atoms));
  const SparseCodes part = omp_encode(x.narrow(0, 100, 7), atoms, {.active = 5});
  EXPECT_TRUE(at::equal(part.values, one.values.narrow(0, 100, 7)));
}

TEST(Omp, PassesOverAtomsThatAddNothingAndStopsAtRounding) {
  at::Tensor atoms = unit(gaussian("atoms", {6, 4}));
  atoms[1] = atoms[0];
  atoms[2] = unit(atoms[0] + 1e-4 * atoms[3]);
  const SparseCodes codes = omp_encode(gaussian("x", {50, 4}), atoms, {.active = 6});
  EXPECT_TRUE(at::isfinite(codes.values).all().item<bool>());
  for (std::int64_t row = 0; row < 50; ++row) {
    const auto used = codes.atoms[row].masked_select(codes.atoms[row] >= 0);
    EXPECT_FALSE((used == 0).any().item<bool>() && (used == 1).any().item<bool>());
  }
  const SparseCodes zero = omp_encode(at::zeros({2, 4}), atoms, {.active = 3});
  EXPECT_TRUE((zero.atoms == -1).all().item<bool>());
}

TEST(Omp, RefusesBadInput) {
  const at::Tensor atoms = unit(gaussian("atoms", {6, 4}));
  at::Tensor x = gaussian("x", {5, 4});
  EXPECT_THROW(omp_encode(x, atoms, {.active = 7}), Error);
  EXPECT_THROW(omp_encode(x.narrow(1, 0, 3), atoms), Error);
  x[3][1] = std::nan("");
  try {
    omp_encode(x, atoms, {.active = 2});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("row 3 holds NaN"), std::string::npos);
  }
}

// A size that fills no tile and no block, more atoms than dimensions, deep supports: every path of the fused pass.
TEST(Omp, EqualsTheReferenceForDeepSupportsAndOddSizes) {
  const at::Tensor atoms = unit(gaussian("deep", {301, 40})), x = gaussian("deep x", {67, 40});
  const SparseCodes codes = omp_encode(x, atoms, {.active = 20});
  for (std::int64_t row = 0; row < 67; ++row) {
    const SparseCodes reference = omp_reference(x[row], atoms, 20);
    EXPECT_TRUE(at::equal(codes.atoms[row], reference.atoms[0])) << row;
    EXPECT_LT((codes.values[row] - reference.values[0]).abs().max().item<float>(), 1e-3);
  }
}

// Pairs of atoms much closer to one another than correlations are to the next ones.
TEST(Omp, ChoosesBetweenNeighbours) {
  const at::Tensor one = unit(gaussian("pairs", {600, 64})), x = gaussian("pairs x", {60, 64});
  const at::Tensor other = unit(one + 3e-3 * unit(gaussian("apart", {600, 64})));
  const at::Tensor atoms = at::cat({one, other}, 0);
  const SparseCodes codes = omp_encode(x, atoms, {.active = 12});
  for (std::int64_t row = 0; row < 60; ++row) {
    const SparseCodes reference = omp_reference(x[row], atoms, 12);
    EXPECT_TRUE(at::equal(codes.atoms[row], reference.atoms[0])) << row;
  }
}

TEST(Omp, TiesGoToTheLowerAtom) {
  const at::Tensor atoms = at::cat({at::eye(200), at::eye(200)}, 0);
  const SparseCodes codes = omp_encode(at::ones({1, 200}), atoms, {.active = 200});
  EXPECT_TRUE(at::equal(codes.atoms[0], at::arange(200)));
}

TEST(Omp, StopsAtTheFirstSupportWithinTheTolerance) {
  const at::Tensor atoms = unit(gaussian("tolerance", {80, 24})), x = gaussian("tolerance x", {40, 24});
  const SparseCodes all = omp_encode(x, atoms, {.active = 20});
  const SparseCodes part = omp_encode(x, atoms, {.active = 20, .tolerance = 0.3});
  const auto left = [&](std::int64_t row, std::int64_t size) {
    return (x[row] - at::mv(atoms.index_select(0, all.atoms[row].narrow(0, 0, size)).t(),
                            omp_reference(x[row], atoms, size).values[0]))
        .norm()
        .item<double>();
  };
  for (std::int64_t row = 0; row < 40; ++row) {
    const auto size = (part.atoms[row] >= 0).sum().item<std::int64_t>();
    ASSERT_GE(size, 1);
    EXPECT_LE(left(row, size), 0.3 * x[row].norm().item<double>());
    if (size > 1) {
      EXPECT_GT(left(row, size - 1), 0.3 * x[row].norm().item<double>());
    }
  }
}

struct Planted {
  at::Tensor atoms, x;
};

Planted planted(double noise) {
  Planted p{unit(gaussian("planted", {50, 20})), at::zeros({1500, 20})};
  for (std::int64_t n = 0; n < 1500; ++n) {
    Philox random(2, "codes", static_cast<std::uint64_t>(n));
    for (int s = 0; s < 3; ++s) p.x[n] += p.atoms[static_cast<std::int64_t>(random.below(50))] * random.normal();
  }
  if (noise > 0) p.x += gaussian("noise", {1500, 20}) * (noise * std::sqrt(3.0 / 20));
  return p;
}

TEST(Ksvd, RecoversAPlantedDictionary) {
  for (const double noise : {0.0, 0.1}) {
    const Planted p = planted(noise);
    const auto learned = learn_dictionary(p.x, {.atoms = 50, .active = 3, .iterations = 30, .seed = 4});
    const at::Tensor cosines = at::mm(learned->atoms(), p.atoms.t()).abs();
    const double recovered = (std::get<0>(cosines.max(0)) > 0.99).to(at::kDouble).mean().item<double>();
    EXPECT_GE(recovered, 0.70) << "noise " << noise;
    const auto random = random_dictionary(50, learned->mean(), 3, 9);
    const auto ev = [&](const Dictionary& d) { return reconstruction_metrics(p.x, decode(d, d.encode(p.x))).ev; };
    EXPECT_GT(ev(*learned), ev(*random) + 0.1);
  }
}

TEST(Ksvd, SameSeedSameBitsForAnyThreads) {
  const Planted p = planted(0.1);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = learn_dictionary(p.x, {.atoms = 50, .active = 3, .iterations = 3});
  at::set_num_threads(2);
  const auto two = learn_dictionary(p.x, {.atoms = 50, .active = 3, .iterations = 3});
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one->atoms(), two->atoms()));
}

TEST(Ksvd, FewerRowsThanAtomsAreRefusedBecauseTheFitWouldBeEmpty) {
  const at::Tensor x = gaussian("few", {69, 32});
  EXPECT_THROW(learn_dictionary(x, {.atoms = 512, .active = 8}), Error);
  EXPECT_TRUE(few_samples(69, 60));
  EXPECT_FALSE(few_samples(3000, 60));
  // With one atom a row the training rows fit exactly while rows never seen do not fare better than with random atoms.
  const auto memorised = OmpDictionary(x, at::zeros({32}), 1);
  const auto ev = [](const Dictionary& d, const at::Tensor& y) {
    return reconstruction_metrics(y, decode(d, d.encode(y))).ev;
  };
  EXPECT_NEAR(ev(memorised, x), 1.0, 1e-6);
  const at::Tensor unseen = gaussian("unseen", {400, 32});
  EXPECT_NEAR(ev(memorised, unseen), ev(*random_dictionary(69, at::zeros({32}), 1, 3), unseen), 0.02);
}

TEST(Metrics, MatchTheGoldenValues) {
  const at::Tensor x = at::tensor({2.0, 0.0, 0.0, 4.0}).view({2, 2});
  EXPECT_NEAR(reconstruction_metrics(x, at::tensor({2.0, 1.0, 0.0, 3.0}).view({2, 2})).ev, 0.8, 1e-12);
  EXPECT_NEAR(reconstruction_metrics(x, x.mean(0).expand({2, 2})).ev, 0.0, 1e-12);
  EXPECT_NEAR(reconstruction_metrics(x, x).ev, 1.0, 1e-12);
  const at::Tensor d = unit(gaussian("d", {12, 8}));
  EXPECT_NEAR(mean_max_cosine(d, d), 1.0, 1e-6);
  EXPECT_EQ(cross_entropy_recovered(3, 9, 3), 1.0);
  EXPECT_EQ(cross_entropy_recovered(3, 9, 9), 0.0);
  std::vector<std::int64_t> order = {3, 0, 2, 1, 5, 4, 11, 10, 9, 8, 7, 6};
  const at::Tensor permuted = d.index_select(0, at::tensor(order));
  EXPECT_EQ(best_assignment(at::mm(permuted, d.t())), order);
}

TEST(Metrics, AssignmentBeatsEveryPermutationOfASmallMatrix) {
  const at::Tensor similarity = gaussian("similarity", {6, 6});
  const auto total = [&](const std::vector<std::int64_t>& p) {
    double sum = 0;
    for (std::int64_t i = 0; i < 6; ++i) sum += similarity[i][p[i]].item<double>();
    return sum;
  };
  std::vector<std::int64_t> p = {0, 1, 2, 3, 4, 5};
  double best = -1e9;
  do best = std::max(best, total(p));
  while (std::next_permutation(p.begin(), p.end()));
  EXPECT_NEAR(total(best_assignment(similarity)), best, 1e-12);
}

TEST(Ksvd, NamesTheRowThatIsNotFinite) {
  at::Tensor x = gaussian("finite", {60, 8});
  x[17][3] = INFINITY;
  try {
    learn_dictionary(x, {.atoms = 10, .active = 2});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("row 17"), std::string::npos);
  }
}

TEST(DictionaryFile, RoundTripsAndRefusesOthers) {
  const auto path = std::filesystem::temp_directory_path() / "el_dictionary_test.safetensors";
  const auto saved = random_dictionary(6, gaussian("mean", {4}), 2, 1);
  save_dictionary(path, *saved);
  const auto loaded = load_dictionary(path);
  EXPECT_EQ(loaded->active(), 2);
  EXPECT_LT((loaded->atoms() - saved->atoms()).abs().max().item<float>(), 1e-6);
  EXPECT_TRUE(at::equal(loaded->mean(), saved->mean()));
  std::filesystem::remove(path);
  EXPECT_THROW(load_dictionary(path), Error);
  EXPECT_THROW(load_dictionary(EL_SOURCE_DIR "/models/demo/model.safetensors"), Error);
}

}  // namespace
}  // namespace energy_lens
