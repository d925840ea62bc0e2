#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "energy_lens/core/error.h"
#include "energy_lens/kernels/row_operations.h"

namespace energy_lens {
namespace {

constexpr double kUnit = 0x1p-24;     // fp32 rounds to within this, relatively
constexpr double kBfloat16 = 0x1p-8;  // and bf16 to within this

at::Tensor random_rows(std::int64_t rows, std::int64_t width, std::uint64_t seed) {
  return at::randn({rows, width}, at::detail::createCPUGenerator(seed));
}

at::Tensor activated(RowActivation activation, const at::Tensor& x) {
  switch (activation) {
    case RowActivation::GeluTanh:
      return at::gelu(x, "tanh");
    case RowActivation::GeluErf:
      return at::gelu(x);
    case RowActivation::Relu:
      return at::relu(x);
    case RowActivation::Silu:
      return at::silu(x);
    case RowActivation::None:
      break;
  }
  return x;
}

at::Tensor product(const RowKernels& kernels, const at::Tensor& x, const at::Tensor& w, const at::Tensor& b = {},
                   RowActivation activation = RowActivation::None, RowPrecision precision = RowPrecision::OfWeights) {
  at::Tensor y = at::empty({x.size(0), w.size(1)});
  multiply_rows(kernels, x, w, b, activation, y, precision);
  return y;
}

class EveryInstructionSet : public ::testing::TestWithParam<const RowKernels* (*)()> {
 protected:
  const RowKernels& kernels() const { return *GetParam()(); }
};

// A sum of K products is off by at most (K + panels) roundings of the sum of their sizes, and by that of x where it is
// rounded.
TEST_P(EveryInstructionSet, ProductsAgreeWithFp64WithinTheBoundOfTheirSums) {
  for (const std::int64_t terms : {1, 37, 192, 193, 700}) {
    for (const std::int64_t columns : {1, 16, 50}) {
      for (const std::int64_t rows : {1, 5, 13, 130}) {
        const at::Tensor x = random_rows(rows, terms, 1), b = random_rows(1, columns, 3)[0];
        const at::Tensor w = random_rows(terms, columns, 2), turned = w.t().contiguous().t();
        for (const at::Tensor& weights : {w, turned, w.to(at::kBFloat16), turned.to(at::kBFloat16)}) {
          const at::Tensor wide = weights.to(at::kDouble), xd = x.to(at::kDouble);
          const at::Tensor exact = at::matmul(xd, wide) + b.to(at::kDouble);
          const at::Tensor sizes = at::matmul(xd.abs(), wide.abs()) + b.abs();
          for (const RowPrecision precision : {RowPrecision::Full, RowPrecision::OfWeights}) {
            const bool rounded = kernels().unit != Bfloat16Unit::None && weights.scalar_type() == at::kBFloat16 &&
                                 precision == RowPrecision::OfWeights;
            const double share = kUnit * static_cast<double>(terms + 5) + (rounded ? kBfloat16 : 0.0);
            const at::Tensor y = product(kernels(), x, weights, b, RowActivation::None, precision);
            EXPECT_TRUE(((y - exact).abs() <= sizes * share).all().item<bool>())
                << rows << " x " << terms << " x " << columns << " " << weights.scalar_type() << " rounded " << rounded;
          }
        }
      }
    }
  }
}

TEST_P(EveryInstructionSet, ARowsBitsDependOnNoNeighbourNorOnTheCutIntoColumns) {
  const at::Tensor x = random_rows(131, 301, 4), w = random_rows(301, 77, 5), b = random_rows(1, 77, 6)[0];
  for (const at::Tensor& weights : {w, w.to(at::kBFloat16)}) {
    const at::Tensor together = product(kernels(), x, weights, b, RowActivation::GeluTanh);
    for (std::int64_t row = 0; row < x.size(0); ++row) {
      const at::Tensor alone = product(kernels(), x.narrow(0, row, 1), weights, b, RowActivation::GeluTanh);
      EXPECT_TRUE(at::equal(alone[0], together[row])) << row;
    }
    const int threads = at::get_num_threads();
    for (const int count : {1, 2, 3}) {
      at::set_num_threads(count);
      EXPECT_TRUE(at::equal(product(kernels(), x, weights, b, RowActivation::GeluTanh), together))
          << count << " threads";
    }
    at::set_num_threads(threads);
  }
}

// More rows than are made ready at once, more columns than share them, and more terms than a panel has, each for panels
// of register tiles and of blocks.
TEST_P(EveryInstructionSet, LargeProductsAreThoseOfTheirRows) {
  struct Size {
    std::int64_t rows, terms, columns;
  };
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  for (const Size& size : {Size{1090, 257, 2100}, {1160, 60, 4200}, {130, 1100, 77}}) {
    const at::Tensor x = random_rows(size.rows, size.terms, 24), w = random_rows(size.terms, size.columns, 25),
                     b = random_rows(1, size.columns, 26)[0];
    for (const at::Tensor& weights : {w, w.to(at::kBFloat16)}) {
      const at::Tensor together = product(kernels(), x, weights, b, RowActivation::Relu);
      for (const std::int64_t row : {0, 119, 120, 127, 128, 1079, 1080, 1151, 1152}) {
        if (row >= size.rows) continue;
        const at::Tensor alone = product(kernels(), x.narrow(0, row, 1), weights, b, RowActivation::Relu);
        EXPECT_TRUE(at::equal(alone[0], together[row])) << size.terms << " terms, row " << row;
      }
    }
  }
  at::set_num_threads(threads);
}

TEST_P(EveryInstructionSet, NaNInARowReachesItsResultAlone) {
  at::Tensor x = random_rows(30, 40, 22);
  x[7][39] = std::numeric_limits<float>::quiet_NaN();
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor y = product(kernels(), x, random_rows(40, 50, 23).to(type));
    EXPECT_TRUE(y[7].isnan().all().item<bool>());
    EXPECT_EQ(y.isnan().sum().item<std::int64_t>(), 50);
  }
}

TEST_P(EveryInstructionSet, NothingIsWrittenBesideTheResult) {
  const at::Tensor x = random_rows(20, 30, 7), w = random_rows(30, 19, 8);
  at::Tensor wide = at::full({20, 40}, 7.0f);
  multiply_rows(kernels(), x, w, {}, RowActivation::Silu, wide.narrow(1, 10, 19));
  EXPECT_TRUE(wide.narrow(1, 0, 10).eq(7.0f).all().item<bool>());
  EXPECT_TRUE(wide.narrow(1, 29, 11).eq(7.0f).all().item<bool>());
}

// e^x has an error of a few units in the last place, and the function's size is at most that of x.
TEST_P(EveryInstructionSet, ActivationsAgreeWithFp64) {
  const at::Tensor x = at::cat({at::linspace(-20, 20, 4001), at::tensor({-1e4f, 1e4f, -0.0f, 0.0f})}).unsqueeze(1);
  for (const RowActivation activation :
       {RowActivation::GeluTanh, RowActivation::GeluErf, RowActivation::Relu, RowActivation::Silu}) {
    const at::Tensor y = product(kernels(), x, at::ones({1, 1}), {}, activation);
    const at::Tensor error = (y - activated(activation, x.to(at::kDouble))).abs();
    EXPECT_TRUE((error <= x.abs() * (16 * kUnit)).all().item<bool>()) << error.max().item<double>();
  }
}

TEST_P(EveryInstructionSet, GatesMultiplyTheActivatedHalf) {
  const at::Tensor in = random_rows(9, 2 * 21, 9), wide = in.to(at::kDouble);
  const at::Tensor expected = at::silu(wide.narrow(1, 0, 21)) * wide.narrow(1, 21, 21);
  at::Tensor made = in.clone();
  gate_rows(kernels(), RowActivation::Silu, made);
  EXPECT_TRUE(at::allclose(made.narrow(1, 0, 21).to(at::kDouble), expected, 32 * kUnit, 1e-7));
  EXPECT_TRUE(at::equal(made.narrow(1, 21, 21), in.narrow(1, 21, 21)));
}

TEST_P(EveryInstructionSet, NormsAgreeWithFp64) {
  for (const std::int64_t width : {1, 7, 8, 64, 100}) {
    const at::Tensor x = random_rows(11, width, 10) + 3.0, gamma = random_rows(1, width, 11)[0];
    const at::Tensor beta = random_rows(1, width, 12)[0], wide = x.to(at::kDouble);
    for (const bool centred : {true, false}) {
      const at::Tensor away = centred ? wide - wide.mean(-1, true) : wide;
      const at::Tensor unit = away / at::sqrt(away.square().mean(-1, true) + 1e-3);
      at::Tensor y = x.clone();
      norm_rows(kernels(), y, centred, 1e-3, gamma, beta, y);
      // The mean is off by a few roundings of 3, and 1 / sqrt(eps) = 32 is the most it is magnified by.
      EXPECT_LT((y - (unit * gamma + beta)).abs().max().item<double>(), 32 * 40 * kUnit) << width << " " << centred;
      norm_rows(kernels(), x, centred, 1e-3, {}, {}, y);
      EXPECT_LT((y - unit).abs().max().item<double>(), 32 * 40 * kUnit) << width << " " << centred;
    }
  }
}

struct AttentionCase {
  std::int64_t queries, first_query, width, window;
  double scale, cap;
  RowPrecision precision = RowPrecision::Full;
};

// q [T, Dh] of the last T of all keys, k and v [keys, Dh]: softmax over every visible key, in fp64.
at::Tensor attention_by_definition(const AttentionCase& c, const at::Tensor& q, const at::Tensor& k,
                                   const at::Tensor& v) {
  at::Tensor scores = at::matmul(q.to(at::kDouble), k.to(at::kDouble).t()) * c.scale;
  if (c.cap != 0.0) scores = at::tanh(scores / c.cap) * c.cap;
  const at::Tensor key = at::arange(k.size(0)), query = at::arange(c.first_query, k.size(0)).unsqueeze(1);
  at::Tensor hidden = key > query;
  if (c.window > 0) hidden = hidden | (key <= query - c.window);
  const at::Tensor pattern = at::softmax(scores.masked_fill(hidden, -std::numeric_limits<double>::infinity()), -1);
  return at::matmul(pattern, v.to(at::kDouble));
}

at::Tensor attention(const RowKernels& kernels, const AttentionCase& c, const at::Tensor& q, const at::Tensor& k,
                     const at::Tensor& v) {
  at::Tensor z = at::empty({c.queries, c.width});
  HeadAttention head;
  head.q = const_row_view(q);
  head.k = const_row_view(k);
  head.v = const_row_view(v);
  head.z = row_view(z);
  head.queries = c.queries;
  head.first_query = c.first_query;
  head.width = c.width;
  head.scale = static_cast<float>(c.scale);
  head.cap = static_cast<float>(c.cap);
  head.window = c.window;
  head.precision = c.precision;
  attend_heads(kernels, 1, [&](std::int64_t) { return head; });
  return z;
}

TEST_P(EveryInstructionSet, AttentionAgreesWithItsDefinition) {
  for (AttentionCase c : std::vector<AttentionCase>{{1, 0, 16, 0, 0.25, 0.0},
                                                    {200, 0, 64, 0, 0.125, 0.0},
                                                    {130, 0, 5, 0, 1.0, 0.0},
                                                    {70, 65, 20, 0, 0.3, 5.0},
                                                    {190, 0, 16, 33, 0.25, 0.0},
                                                    {3, 190, 16, 64, 0.25, 0.0},
                                                    {150, 10, 24, 1, 0.25, 2.0},
                                                    {100, 0, 16, 0, 20.0, 0.0}}) {
    const std::int64_t keys = c.first_query + c.queries;
    const at::Tensor q = random_rows(c.queries, c.width, 13), k = random_rows(keys, c.width, 14);
    const at::Tensor v = random_rows(keys, c.width, 15);
    const at::Tensor expected = attention_by_definition(c, q, k, v);
    // A score of size s is off by Dh roundings of it, and so, relatively, is its weight. Where factors are kept to 16
    // bits each product of two is off by 2^-16 of itself.
    const double largest = (at::matmul(q.abs(), k.abs().t()) * c.scale).max().item<double>();
    const double size = v.abs().max().item<double>();
    const double bound = (4.0 * largest * static_cast<double>(c.width) + 300.0) * kUnit * size;
    EXPECT_LT((attention(kernels(), c, q, k, v) - expected).abs().max().item<double>(), bound)
        << c.queries << " after " << c.first_query << ", window " << c.window;
    c.precision = RowPrecision::OfWeights;
    const double rounding = kernels().unit == Bfloat16Unit::Blocks ? (2.0 * largest + 2.0) * 0x1p-16 * size : 0.0;
    EXPECT_LT((attention(kernels(), c, q, k, v) - expected).abs().max().item<double>(), bound + rounding)
        << c.queries << " after " << c.first_query << ", window " << c.window << ", as bf16 weights";
  }
}

TEST_P(EveryInstructionSet, AttentionOfAQueryDoesNotDependOnThoseBesideIt) {
  for (const auto& [window, precision] : {std::pair{0, RowPrecision::Full},
                                          {40, RowPrecision::Full},
                                          {0, RowPrecision::OfWeights},
                                          {40, RowPrecision::OfWeights}}) {
    const AttentionCase all{170, 0, 20, window, 0.2, 0.0, precision};
    const at::Tensor q = random_rows(170, 20, 16), k = random_rows(170, 20, 17), v = random_rows(170, 20, 18);
    const at::Tensor together = attention(kernels(), all, q, k, v);
    for (const std::int64_t first : {0, 1, 63, 64, 100, 169}) {
      const AttentionCase one{1, first, 20, window, 0.2, 0.0, precision};
      const at::Tensor alone =
          attention(kernels(), one, q.narrow(0, first, 1), k.narrow(0, 0, first + 1), v.narrow(0, 0, first + 1));
      EXPECT_TRUE(at::equal(alone[0], together[first])) << first;
    }
  }
}

TEST_P(EveryInstructionSet, NaNInAQueryReachesItsResultAlone) {
  at::Tensor q = random_rows(80, 16, 19);
  q[70][3] = std::numeric_limits<float>::quiet_NaN();
  for (const RowPrecision precision : {RowPrecision::Full, RowPrecision::OfWeights}) {
    const AttentionCase c{80, 0, 16, 0, 0.25, 0.0, precision};
    const at::Tensor z = attention(kernels(), c, q, random_rows(80, 16, 20), random_rows(80, 16, 21));
    EXPECT_TRUE(z[70].isnan().all().item<bool>());
    EXPECT_EQ(z.isnan().sum().item<std::int64_t>(), 16);
  }
}

// The emulation is how machines without AMX test what runs on those that have it.
TEST(BlockKernels, NativeAndEmulatedProductsHaveTheSameBits) {
  if (best_row_kernels().unit != Bfloat16Unit::Blocks) GTEST_SKIP() << "this processor has no AMX";
  for (const std::int64_t terms : {7, 32, 301, 1100}) {
    const at::Tensor x = random_rows(70, terms, 30) * 30.0, w = random_rows(terms, 77, 31).to(at::kBFloat16);
    EXPECT_TRUE(at::equal(product(best_row_kernels(), x, w), product(generic_block_row_kernels(), x, w))) << terms;
  }
}

// A library that multiplies bf16 matrices by the same registers finds them as it left them.
TEST(BlockKernels, RegistersAreGivenBack) {
  if (best_row_kernels().unit != Bfloat16Unit::Blocks) GTEST_SKIP() << "this processor has no AMX";
  const at::Tensor a = random_rows(96, 160, 32).to(at::kBFloat16), b = random_rows(160, 64, 33).to(at::kBFloat16);
  const at::Tensor before = at::matmul(a, b), x = random_rows(40, 160, 34);
  for (int i = 0; i < 3; ++i) {
    product(best_row_kernels(), x, b);
    EXPECT_TRUE(at::equal(at::matmul(a, b), before));
  }
}

std::string name_of_set(const ::testing::TestParamInfo<const RowKernels* (*)()>& info) {
  const char* const names[] = {"Best", "Generic", "GenericPairs", "GenericBlocks"};
  return names[info.index];
}

INSTANTIATE_TEST_SUITE_P(Kernels, EveryInstructionSet,
                         ::testing::Values(
                             +[] { return &best_row_kernels(); }, +[] { return &generic_row_kernels(); },
                             +[] { return &generic_pair_row_kernels(); }, +[] { return &generic_block_row_kernels(); }),
                         name_of_set);

}  // namespace
}  // namespace energy_lens
