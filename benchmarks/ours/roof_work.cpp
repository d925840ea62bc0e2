// How many multiply-adds a second all threads together can make: what no row can exceed.
// params: {"dtype": "float32" | "bfloat16", "gflop"}; inputs are the rival's.
#include "benchmarks/ours/multiply_adds.h"
#include "benchmarks/ours/work.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/experiment/model_choice.h"

namespace energy_lens::bench {
namespace {

constexpr std::int64_t kSteps = 65536;  // sums stay exact

class Roof : public Work {
 public:
  void prepare(const Json& params, const Tensors&) override {
    adds_ = &best_multiply_adds(parse_dtype(params.at("dtype")) == at::kBFloat16);
    wrong_ = at::zeros({at::get_num_threads()}, at::kDouble);
    const double a_run = 2.0 * static_cast<double>(kSteps * adds_->sums * adds_->products * wrong_.size(0));
    times_ = static_cast<std::int64_t>(1e9 * params.at("gflop").get<double>() / a_run + 0.5);
  }
  void run() override {
    parallel_ranges(wrong_.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t thread = begin; thread < end; ++thread) {
        double& wrong = wrong_.data_ptr<double>()[thread];
        for (std::int64_t i = 0; i < times_; ++i) wrong = std::max(wrong, adds_->run(kSteps, 1.0f));
      }
    });
  }
  Tensors answer() override { return {{"wrong", wrong_}}; }

 private:
  const MultiplyAdds* adds_ = nullptr;
  at::Tensor wrong_;  // [threads]
  std::int64_t times_ = 0;
};

}  // namespace

std::unique_ptr<Work> make_roof() { return std::make_unique<Roof>(); }

}  // namespace energy_lens::bench
