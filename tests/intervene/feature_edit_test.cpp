#include "energy_lens/intervene/feature_edit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "energy_lens/core/error.h"
#include "intervene_fixture.h"

namespace energy_lens {
namespace {

using ::testing::ElementsAre;

std::vector<double> list(const at::Tensor& x) {
  const at::Tensor dense = x.to(at::kDouble).contiguous();
  return {dense.data_ptr<double>(), dense.data_ptr<double>() + dense.numel()};
}

ErrorKind kind_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::Internal;
}

const at::Tensor kActivations = at::tensor({0.0, 2.0, 0.0, -0.5}, at::kDouble);

std::vector<double> change(FeatureEdit edit) { return list(coefficient_change(edit, kActivations)); }

TEST(FeatureActivations, EqualTheDenseColumn) {
  const testing::TopThree dictionary(40, 32);
  const SparseCodes codes = dictionary.encode(testing::random_tensor("x", {30, 32}, 1.0));
  const at::Tensor dense = dense_codes(codes, 40).to(at::kDouble);
  for (std::int64_t k = 0; k < 40; ++k) {
    EXPECT_TRUE(at::equal(feature_activations(codes, k), dense.select(1, k))) << k;
  }
}

TEST(CoefficientChange, FollowsTheFormulaOfEachKind) {
  EXPECT_THAT(change({.kind = EditKind::Zero}), ElementsAre(0.0, -2.0, 0.0, 0.5));
  EXPECT_THAT(change({.kind = EditKind::Scale, .amount = 3.0}), ElementsAre(0.0, 4.0, 0.0, -1.0));
  EXPECT_THAT(change({.kind = EditKind::Clamp, .amount = 1.5}), ElementsAre(0.0, -0.5, 0.0, 2.0));
  EXPECT_THAT(change({.kind = EditKind::Steer, .amount = 0.25}), ElementsAre(0.0, 0.25, 0.0, 0.25));
}

TEST(CoefficientChange, ReachesTheTokensOfItsScope) {
  EXPECT_THAT(change({.kind = EditKind::Clamp, .amount = 1.0, .scope = EditScope::All}),
              ElementsAre(1.0, -1.0, 1.0, 1.5));
  EXPECT_THAT(change({.kind = EditKind::Zero, .first_position = 2}), ElementsAre(0.0, 0.0, 0.0, 0.5));
  EXPECT_THAT(change({.kind = EditKind::Steer, .amount = 1.0, .scope = EditScope::All, .first_position = 1}),
              ElementsAre(0.0, 1.0, 1.0, 1.0));
}

TEST(CoefficientChange, IsExactlyZeroForEditsThatAskForNothing) {
  const at::Tensor activations = testing::random_tensor("activations", {1000}, 3.0).to(at::kDouble);
  for (const FeatureEdit& edit : {FeatureEdit{.kind = EditKind::Scale, .amount = 1.0}, {.kind = EditKind::Steer}}) {
    EXPECT_EQ(coefficient_change(edit, activations).count_nonzero().item<std::int64_t>(), 0);
  }
}

TEST(CoefficientChange, RefusesAmountsThatAreNotNumbersAndWrongShapes) {
  for (const double amount : {std::nan(""), std::numeric_limits<double>::infinity(), -1e300}) {
    EXPECT_EQ(kind_of([&] { change({.kind = EditKind::Steer, .amount = amount}); }), ErrorKind::Usage);
  }
  EXPECT_EQ(kind_of([] { coefficient_change({}, at::zeros({2, 2}, at::kDouble)); }), ErrorKind::BadInput);
}

TEST(AddAlong, MovesChosenRowsAndKeepsTheBitsOfTheOthers) {
  const at::Tensor stream = testing::random_tensor("stream", {4, 8}, 1.0);
  const at::Tensor direction = testing::random_tensor("direction", {8}, 1.0);
  const at::Tensor moved = add_along(stream, kActivations, direction);
  const at::Tensor exact = stream.to(at::kDouble) + at::outer(kActivations, direction.to(at::kDouble));
  EXPECT_LT((moved.to(at::kDouble) - exact).abs().max().item<double>(), 1e-6);
  EXPECT_TRUE(at::equal(moved[0], stream[0]));
  EXPECT_TRUE(at::equal(moved[2], stream[2]));
  EXPECT_FALSE(at::equal(moved[1], stream[1]));
  EXPECT_TRUE(add_along(stream, at::zeros({4}, at::kDouble), direction).is_same(stream));
  EXPECT_EQ(kind_of([&] { add_along(stream, at::zeros({3}), direction); }), ErrorKind::BadInput);
  EXPECT_EQ(kind_of([&] { add_along(stream, kActivations, at::zeros({7})); }), ErrorKind::BadInput);
}

// h' = decode(a') + (h - decode(a)): the edit is made by decoding changed codes and putting back what they leave out.
TEST(AddAlong, KeepsWhatTheDictionaryDoesNotExplain) {
  const testing::TopThree dictionary(40, 32);
  const at::Tensor stream = testing::random_tensor("stream", {25, 32}, 2.0);
  const SparseCodes codes = dictionary.encode(stream);
  const std::int64_t k = codes.atoms[3][0].item<std::int64_t>();
  const auto dense_decode = [&](const at::Tensor& a) {
    return a.matmul(dictionary.atoms().to(at::kDouble)) + dictionary.mean().to(at::kDouble);
  };
  const at::Tensor a = dense_codes(codes, 40).to(at::kDouble), error = stream.to(at::kDouble) - dense_decode(a);
  for (const FeatureEdit& edit : {FeatureEdit{.kind = EditKind::Zero},
                                  {.kind = EditKind::Scale, .amount = -1.5},
                                  {.kind = EditKind::Clamp, .amount = 2.0, .scope = EditScope::All},
                                  {.kind = EditKind::Steer, .amount = 3.0}}) {
    const at::Tensor delta = coefficient_change(edit, feature_activations(codes, k));
    at::Tensor edited = a.clone();
    edited.select(1, k) += delta;
    const at::Tensor moved = add_along(stream, delta, dictionary.atoms()[k]).to(at::kDouble);
    EXPECT_GT(delta.count_nonzero().item<std::int64_t>(), 0);
    EXPECT_LT((moved - (dense_decode(edited) + error)).abs().max().item<double>(), 2e-6);
  }
}

TEST(RandomDirection, IsAUnitVectorNamedBySeedAndIndex) {
  const at::Tensor direction = random_direction(192, 5, 7);
  EXPECT_NEAR(direction.to(at::kDouble).norm().item<double>(), 1.0, 1e-6);
  EXPECT_TRUE(at::equal(direction, random_direction(192, 5, 7)));
  EXPECT_FALSE(at::equal(direction, random_direction(192, 5, 8)));
  EXPECT_FALSE(at::equal(direction, random_direction(192, 6, 7)));
}

// Of uniform directions in D dimensions each coordinate has mean 0 and mean square 1 / D.
TEST(RandomDirection, HasNoPreferredAxis) {
  const std::int64_t width = 6, draws = 6000;
  at::Tensor sum = at::zeros({width}, at::kDouble), square = at::zeros({width}, at::kDouble);
  for (std::int64_t i = 0; i < draws; ++i) {
    const at::Tensor direction = random_direction(width, 1, static_cast<std::uint64_t>(i)).to(at::kDouble);
    sum += direction / draws;
    square += direction * direction / draws;
  }
  // Five standard errors: sqrt(1 / D / n), and sqrt(Var x^2 / n) with Var x^2 = 2 (D - 1) / (D^2 (D + 2)).
  EXPECT_LT(sum.abs().max().item<double>(), 5.0 * std::sqrt(1.0 / width / draws));
  EXPECT_LT((square - 1.0 / width).abs().max().item<double>(), 5.0 * std::sqrt(2.0 * 5.0 / (36.0 * 8.0) / draws));
}

}  // namespace
}  // namespace energy_lens
