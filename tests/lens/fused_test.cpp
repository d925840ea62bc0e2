#include "energy_lens/lens/fused.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <limits>

#include "energy_lens/core/error.h"
#include "energy_lens/lens/reference.h"
#include "tests/support/tiny_model.h"

namespace energy_lens {
namespace {

using testing::random_ids;
using testing::random_tensor;

constexpr at::Tensor LensRows::* kFloats[] = {
    &LensRows::energy,        &LensRows::cross_entropy, &LensRows::entropy,    &LensRows::kl_to_final,
    &LensRows::margin,        &LensRows::target_margin, &LensRows::confidence, &LensRows::free_energy,
    &LensRows::depth_descent, &LensRows::top_log_probs, &LensRows::gradient,   &LensRows::expected_gradient};
constexpr LensOptions kEverything = {.top_k = 5, .gradient = true, .expected_gradient = true};

struct Case {
  Unembed unembed;
  std::vector<at::Tensor> streams;
  at::Tensor targets;
};

Case random_case(std::int64_t rows, std::int64_t width = 64, std::int64_t vocabulary = 300, std::int64_t layers = 3) {
  Case c;
  c.unembed.gamma = random_tensor("gamma", {width}, 0.3) + 1.0;
  c.unembed.beta = random_tensor("beta", {width}, 0.3);
  c.unembed.w_u = random_tensor("w_u", {vocabulary, width}, 0.3);
  c.unembed.b_u = random_tensor("b_u", {vocabulary}, 0.5);
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    c.streams.push_back(random_tensor("h" + std::to_string(layer), {rows, width}, 1.0 + layer));
  }
  c.targets = at::tensor(random_ids(rows, vocabulary));
  return c;
}

std::vector<LensRows> run(const Case& c, LensKernel kernel = LensKernel::Best) {
  LensOptions options = kEverything;
  options.kernel = kernel;
  return lens_rows(c.streams, c.targets, c.unembed, options);
}

Case in_double(Case c) {
  for (auto* tensor : {&c.unembed.gamma, &c.unembed.beta, &c.unembed.w_u, &c.unembed.b_u}) {
    if (tensor->defined()) *tensor = tensor->to(at::kDouble);
  }
  for (at::Tensor& stream : c.streams) stream = stream.to(at::kDouble);
  return c;
}

// Sums of 64 products of size about 3 are off by at most 67 * 2^-24 * 64 * 0.3 * 0.8 = 6e-5; means and entropies of
// them by a few times that.
void expect_near(const std::vector<LensRows>& got, const std::vector<LensRows>& expected, double tolerance = 5e-4) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t layer = 0; layer < got.size(); ++layer) {
    for (const auto member : kFloats) {
      const at::Tensor difference = (got[layer].*member).to(at::kDouble) - expected[layer].*member;
      EXPECT_LT(difference.abs().max().item<double>(), tolerance) << layer;
    }
    EXPECT_TRUE(at::equal(got[layer].top_ids, expected[layer].top_ids)) << layer;
    EXPECT_TRUE(at::equal(got[layer].rank, expected[layer].rank)) << layer;
  }
}

void expect_same_bits(const LensRows& a, const LensRows& b) {
  for (const auto member : kFloats) EXPECT_TRUE(at::equal(a.*member, b.*member));
  EXPECT_TRUE(at::equal(a.rank, b.rank));
  EXPECT_TRUE(at::equal(a.top_ids, b.top_ids));
}

TEST(FusedLens, AgreesWithTheReferenceInDoublePrecision) {
  for (const std::int64_t rows : {1, 40, 130}) {
    const Case c = random_case(rows);
    const auto exact = run(in_double(c));
    ASSERT_EQ(exact[0].energy.scalar_type(), at::kDouble);
    for (const LensKernel kernel : {LensKernel::Best, LensKernel::Generic, LensKernel::Reference}) {
      expect_near(run(c, kernel), exact);
    }
  }
}

TEST(FusedLens, ReadsAnyStrideBothNormsCapsAndBfloat16) {
  Case c = random_case(20);
  c.unembed.soft_cap = 5.0;
  c.unembed.norm = NormKind::RmsNorm;
  c.unembed.beta = at::Tensor();
  c.unembed.b_u = at::Tensor();
  c.streams[0] = random_tensor("wide", {20, 128}, 1.0).narrow(1, 32, 64);
  c.streams[1] = random_tensor("turned", {64, 20}, 1.0).t();
  expect_near(run(c), run(in_double(c)));
  Case turned = c;
  turned.unembed.w_u = c.unembed.w_u.t().contiguous().t();
  expect_same_bits(run(turned)[0], run(c)[0]);
  Case half = c;
  half.unembed.w_u = c.unembed.w_u.to(at::kBFloat16);
  // Processors that multiply bf16 round softmax weights to 2^-9 of themselves; rows of W_U are about 2.4 long.
  expect_near(run(half), run(in_double(half)), 2 * 2.4 / 512);
}

TEST(FusedLens, NumberOfThreadsChangesNoBit) {
  const Case c = random_case(150);
  const int before = at::get_num_threads();
  for (const LensKernel kernel : {LensKernel::Best, LensKernel::Generic, LensKernel::Reference}) {
    at::set_num_threads(1);
    const auto one = run(c, kernel);
    at::set_num_threads(2);
    const auto two = run(c, kernel);
    for (std::size_t layer = 0; layer < one.size(); ++layer) expect_same_bits(one[layer], two[layer]);
  }
  at::set_num_threads(before);
}

TEST(FusedLens, SplittingTheRowsChangesNoBit) {
  const Case c = random_case(150);
  const auto rows_of = [](const LensRows& rows, std::int64_t begin, std::int64_t count) {
    LensRows part = rows;
    for (const auto member : kFloats) part.*member = (rows.*member).narrow(0, begin, count);
    part.rank = rows.rank.narrow(0, begin, count);
    part.top_ids = rows.top_ids.narrow(0, begin, count);
    return part;
  };
  for (const LensKernel kernel : {LensKernel::Best, LensKernel::Generic, LensKernel::Reference}) {
    const auto whole = run(c, kernel);
    for (const auto& [begin, count] : {std::pair<std::int64_t, std::int64_t>{0, 1}, {63, 2}, {17, 90}, {149, 1}}) {
      Case part = c;
      for (at::Tensor& stream : part.streams) stream = stream.narrow(0, begin, count);
      part.targets = c.targets.narrow(0, begin, count);
      const auto alone = run(part, kernel);
      for (std::size_t layer = 0; layer < alone.size(); ++layer) {
        expect_same_bits(alone[layer], rows_of(whole[layer], begin, count));
      }
    }
  }
}

TEST(FusedLens, OtherLayersChangeNoBit) {
  const Case c = random_case(30);
  const auto all = run(c);
  Case fewer = c;
  fewer.streams = {c.streams[1], c.streams[2]};
  const auto two = run(fewer);
  expect_same_bits(two[0], all[1]);
  expect_same_bits(two[1], all[2]);
}

TEST(FusedLens, NoRowsGiveEmptyTensors) {
  const auto none = run(random_case(0));
  EXPECT_EQ(none[0].gradient.sizes(), (std::vector<std::int64_t>{0, 64}));
  EXPECT_EQ(none[0].top_ids.sizes(), (std::vector<std::int64_t>{0, 5}));
}

TEST(FusedLens, NanAndInfAreNamedNotSpread) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    Case c = random_case(2000, 8, 30);
    c.streams[1] = c.streams[1].clone();
    c.streams[1][1500][2] = bad;
    try {
      run(c);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::BadInput);
      EXPECT_NE(std::string(error.what()).find("stream 1 holds NaN or Inf, first in row 1500"), std::string::npos);
    }
  }
}

TEST(FusedLens, RefusesMoreTopTokensThanThereAre) {
  const Case c = random_case(3, 8, 30);
  EXPECT_THROW(lens_rows(c.streams, c.targets, c.unembed, {.top_k = 31}), Error);
  EXPECT_THROW(lens_rows(c.streams, c.targets, c.unembed, {.top_k = -1}), Error);
  EXPECT_EQ(lens_rows(c.streams, c.targets, c.unembed, {.top_k = 30})[0].top_ids.size(1), 30);
}

// Tensors of rows x vocabulary would take 120 MB here; weights and outputs are made before.
TEST(FusedLens, ExtraMemoryStaysBelow64Megabytes) {
  Case c = random_case(600, 32, 50257, 5);
  const auto peak_kb = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const long before = peak_kb();
  run(c);
  EXPECT_LT(peak_kb() - before, 64 * 1024);
}

}  // namespace
}  // namespace energy_lens
