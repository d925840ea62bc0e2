#include "energy_lens/core/parallel.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace energy_lens {
namespace {

TEST(ParallelBlocks, CallsEveryBlockOnce) {
  const int before = at::get_num_threads();
  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    for (const std::int64_t blocks : {0, 1, 2, 100}) {
      std::vector<int> called(static_cast<std::size_t>(blocks), 0);
      parallel_blocks(blocks, [&](std::int64_t block) { ++called[block]; });
      EXPECT_EQ(called, std::vector<int>(called.size(), 1)) << threads;
    }
  }
  at::set_num_threads(before);
}

TEST(ParallelBlocks, RunsInsideAnother) {
  std::vector<std::vector<int>> called(4, std::vector<int>(3, 0));
  parallel_blocks(4,
                  [&](std::int64_t outer) { parallel_blocks(3, [&](std::int64_t inner) { ++called[outer][inner]; }); });
  EXPECT_EQ(called, std::vector<std::vector<int>>(4, std::vector<int>(3, 1)));
}

TEST(ParallelBlocks, BeginsNoBlockAfterAnException) {
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  std::int64_t called = 0;
  const auto fail_at_three = [&](std::int64_t block) {
    ++called;
    if (block == 3) throw std::runtime_error("block 3");
  };
  EXPECT_THROW(parallel_blocks(100, fail_at_three), std::runtime_error);
  EXPECT_EQ(called, 4);
  at::set_num_threads(2);
  EXPECT_THROW(parallel_blocks(100,
                               [](std::int64_t block) {
                                 if (block == 3) throw std::runtime_error("block 3");
                               }),
               std::runtime_error);
  at::set_num_threads(before);
}

}  // namespace
}  // namespace energy_lens
