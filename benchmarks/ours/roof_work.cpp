// What our register tile reaches where little but arithmetic counts: the same rows and panel of weights, which stay
// close to the processor, over and over on every thread. Floors in docs/performance.md are taken from it.
// params: {"dtype": "float32" | "bfloat16", "times"}; inputs: x [R, 256], w [256, one panel's columns].
#include "benchmarks/ours/work.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/experiment/model_choice.h"
#include "energy_lens/kernels/row_operations.h"

namespace energy_lens::bench {
namespace {

class Roof : public Work {
 public:
  void prepare(const Json& params, const Tensors& inputs) override {
    x_ = inputs.at("x").clone();
    w_ = inputs.at("w").to(parse_dtype(params.at("dtype")), false, true);
    times_ = params.at("times");
    for (int thread = 0; thread < at::get_num_threads(); ++thread) {
      results_.push_back(at::empty({x_.size(0), w_.size(1)}));
    }
  }
  void run() override {
    parallel_ranges(static_cast<std::int64_t>(results_.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t thread = begin; thread < end; ++thread) {
        for (std::int64_t i = 0; i < times_; ++i) {
          multiply_rows(best_row_kernels(), x_, w_, {}, RowActivation::None,
                        results_[static_cast<std::size_t>(thread)]);
        }
      }
    });
  }
  Tensors answer() override { return {{"product", results_.back()}}; }

 private:
  at::Tensor x_, w_;
  std::vector<at::Tensor> results_;
  std::int64_t times_ = 0;
};

}  // namespace

std::unique_ptr<Work> make_roof() { return std::make_unique<Roof>(); }

}  // namespace energy_lens::bench
