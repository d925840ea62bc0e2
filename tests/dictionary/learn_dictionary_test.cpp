#include "energy_lens/dictionary/learn_dictionary.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"
#include "energy_lens/dictionary/metrics.h"
#include "tests/support/drawn_tensors.h"

namespace energy_lens {
namespace {

using testing::gaussian;
using testing::unit;

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

TEST(LearnDictionary, RecoversAPlantedDictionary) {
  for (const double noise : {0.0, 0.1, std::sqrt(0.1)}) {  // none, 20 dB and 10 dB below the signal
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

TEST(LearnDictionary, SameSeedSameBitsForAnyThreads) {
  const Planted p = planted(0.1);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = learn_dictionary(p.x, {.atoms = 50, .active = 3, .iterations = 3});
  at::set_num_threads(2);
  const auto two = learn_dictionary(p.x, {.atoms = 50, .active = 3, .iterations = 3});
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one->atoms(), two->atoms()));
}

class CancelledAfter : public Progress {
 public:
  explicit CancelledAfter(std::int64_t iterations) : left_(iterations) {}
  void advance(std::int64_t count) override {
    if ((left_ -= count) == 0) cancel();
  }

 private:
  std::int64_t left_;
};

TEST(LearnDictionary, StopsWhereItIsCancelled) {
  const Planted p = planted(0.1);
  CancelledAfter first(1), last(2);
  EXPECT_THROW(learn_dictionary(p.x, {.atoms = 50, .active = 3, .iterations = 2}, first), Error);
  EXPECT_NO_THROW(learn_dictionary(p.x, {.atoms = 50, .active = 3, .iterations = 2}, last));
}

TEST(LearnDictionary, FewerRowsThanAtomsAreRefusedBecauseTheFitWouldBeEmpty) {
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

TEST(LearnDictionary, NamesTheRowThatIsNotFinite) {
  at::Tensor x = gaussian("finite", {60, 8});
  x[17][3] = INFINITY;
  try {
    learn_dictionary(x, {.atoms = 10, .active = 2});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("row 17"), std::string::npos);
  }
}

}  // namespace
}  // namespace energy_lens
