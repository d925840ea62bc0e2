// Gradients against finite differences in fp64, along random directions and along decoder rows.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>

#include "energy_lens/dictionary/learn_dictionary.h"
#include "energy_lens/intervene/full_gradient.h"
#include "energy_lens/lens/streams.h"
#include "energy_lens/lens/text_lens.h"
#include "intervene_fixture.h"

namespace energy_lens {
namespace {

using testing::random_ids;
using testing::random_tensor;

class Gradients : public ::testing::Test {
 protected:
  static constexpr std::int64_t kTokens = 30, kLayer = 1;

  Gradients() {
    std::vector<at::Tensor> rows;
    for (std::uint64_t n = 0; n < 20; ++n) rows.push_back(stream(random_ids(40, 50, 10 + n), kLayer));
    const auto dictionary = learn_dictionary(at::cat(rows), {.atoms = 12, .active = 3, .iterations = 4});
    // Unit rows of both kinds: [24, D].
    const at::Tensor drawn = random_tensor("directions", {12, 32}, 1.0);
    directions_ = at::cat({dictionary->atoms(), drawn / drawn.norm(2, {1}, true)}).to(at::kDouble);
  }

  at::Tensor stream(const std::vector<std::int64_t>& ids, std::int64_t layer) const {
    return capture_streams(*model_, pad_right({ids}), {layer}).resid[0][0];
  }

  // d loss(stream with row t moved along `direction`) / d step at 0, by central differences.
  template <typename Loss>
  static double difference(const at::Tensor& stream, std::int64_t t, const at::Tensor& direction, double step,
                           const Loss& loss) {
    const auto moved = [&](double by) {
      at::Tensor other = stream.clone();
      other[t] += by * direction;
      return loss(other);
    };
    return (moved(step) - moved(-step)) / (2.0 * step);
  }

  const testing::TinyShape shape_;
  const std::shared_ptr<const Model> model_ = testing::tiny_model(shape_);
  const testing::DoubleReference reference_{shape_};
  const std::vector<std::int64_t> ids_ = random_ids(kTokens, 50);
  at::Tensor directions_;
};

// The gradient is fp32, the difference fp64: what is between them is the rounding of sums of up to 128 products in a
// handful of operations a block.
TEST_F(Gradients, FullOnesArePatchAndRerunDifferences) {
  const std::vector<std::int64_t> labels(ids_.begin() + 1, ids_.end());
  for (std::int64_t layer = 0; layer <= shape_.layers; ++layer) {
    const at::Tensor single = stream(ids_, layer), h = single.to(at::kDouble);
    const at::Tensor total = full_total_gradient(*model_, layer, single, ids_).to(at::kDouble);
    const at::Tensor own = full_own_gradient(*model_, layer, single, ids_, labels).to(at::kDouble);
    for (const std::int64_t t : {0, 11, 28}) {
      const double step = 1e-4 * h[t].norm().item<double>();
      for (std::int64_t v = t % 3; v < directions_.size(0); v += 3) {
        const at::Tensor d = directions_[v];
        const auto total_loss = [&](const at::Tensor& x) { return reference_.loss(layer, x, ids_); };
        const auto own_loss = [&](const at::Tensor& x) { return reference_.nll(layer, x, ids_)[t].item<double>(); };
        EXPECT_NEAR(total[t].dot(d).item<double>(), difference(h, t, d, step, total_loss),
                    2e-5 * total[t].norm().item<double>());
        EXPECT_NEAR(own[t].dot(d).item<double>(), difference(h, t, d, step, own_loss),
                    2e-5 * own[t].norm().item<double>());
      }
    }
    EXPECT_EQ(total[kTokens - 1].abs().max().item<double>(), 0.0);  // nothing comes after the last token
  }
}

// Errors of central differences fall with the square of the step. Along one direction the leading term may vanish, so
// the root mean square over directions and rows is taken.
TEST_F(Gradients, LensDifferencesErrBySecondOrder) {
  Unembed u = model_->unembed();
  for (at::Tensor* tensor : {&u.gamma, &u.beta, &u.w_u}) *tensor = tensor->to(at::kDouble);
  const at::Tensor h = stream(ids_, kLayer).to(at::kDouble);
  const at::Tensor targets = at::tensor(ids_).narrow(0, 1, kTokens - 1);
  const auto lens = [&](const at::Tensor& x, bool gradient) {
    return lens_rows({x.narrow(0, 0, kTokens - 1)}, targets, u, {.gradient = gradient})[0];
  };
  const at::Tensor gradient = lens(h, true).gradient;
  for (const std::int64_t first : {0, 12}) {  // decoder rows, random directions
    double squares[2] = {0.0, 0.0};
    for (int size = 0; size < 2; ++size) {
      for (std::int64_t v = first; v < first + 12; ++v) {
        for (const std::int64_t t : {0, 7, 20}) {
          const double step = (size == 0 ? 1e-2 : 1e-3) * h[t].norm().item<double>();
          const auto energy = [&](const at::Tensor& x) { return lens(x, false).energy[t].item<double>(); };
          const double error =
              difference(h, t, directions_[v], step, energy) - gradient[t].dot(directions_[v]).item<double>();
          squares[size] += error * error;
        }
      }
    }
    EXPECT_NEAR(0.5 * std::log10(squares[0] / squares[1]), 2.0, 0.05);
  }
}

// The embedded model's MLP is wide enough for a BLAS to cut sums of the backward pass by what it believes about
// threads.
TEST(FullGradient, HasTheSameBitsForOneThreadAndTwo) {
  const auto model = load_model(EL_SOURCE_DIR "/models/demo");
  const std::vector<std::int64_t> ids = random_ids(30, 4000);
  const at::Tensor stream = capture_streams(*model, pad_right({ids}), {0}).resid[0][0];
  const int before = at::get_num_threads();
  std::vector<at::Tensor> gradients;
  for (const int threads : {1, 2}) {
    at::set_num_threads(threads);
    gradients.push_back(full_total_gradient(*model, 0, stream, ids));
    EXPECT_EQ(at::get_num_threads(), threads);
  }
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(gradients[0], gradients[1]));
}

}  // namespace
}  // namespace energy_lens
