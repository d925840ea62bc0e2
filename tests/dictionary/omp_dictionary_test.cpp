#include "energy_lens/dictionary/omp_dictionary.h"

#include <gtest/gtest.h>

#include "energy_lens/core/error.h"
#include "tests/support/drawn_tensors.h"

namespace energy_lens {
namespace {

using testing::gaussian;

TEST(DictionaryFile, RoundTripsAndRefusesOthers) {
  const auto path = std::filesystem::temp_directory_path() / "el_dictionary_test.safetensors";
  const auto saved = random_dictionary(6, gaussian("mean", {4}), 2, 1);
  save_dictionary(path, *saved);
  const auto loaded = load_dictionary(path);
  EXPECT_EQ(loaded->active(), 2);
  EXPECT_TRUE(at::equal(loaded->atoms(), saved->atoms()));
  EXPECT_TRUE(at::equal(loaded->mean(), saved->mean()));
  std::filesystem::remove(path);
  EXPECT_THROW(load_dictionary(path), Error);
  EXPECT_THROW(load_dictionary(EL_SOURCE_DIR "/models/demo/model.safetensors"), Error);
}

}  // namespace
}  // namespace energy_lens
