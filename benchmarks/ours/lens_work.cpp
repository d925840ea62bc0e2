// The lens at one layer: energies, entropies, top tokens and gradients of rows of the stream.
#include "benchmarks/ours/work.h"
#include "energy_lens/lens/energy.h"

namespace energy_lens::bench {
namespace {

LensKernel kernel_of(const std::string& name) {
  return name == "rounded" ? LensKernel::Rounded : name == "generic" ? LensKernel::Generic : LensKernel::Best;
}

class Lens : public Work {
 public:
  void prepare(const Json& params, const Tensors& inputs) override {
    streams_ = {inputs.at("stream").clone()};
    targets_ = inputs.at("targets").clone();
    unembed_.gamma = inputs.at("gamma").clone();
    unembed_.beta = inputs.at("beta").clone();
    unembed_.w_u = inputs.at("w_u").to(params.value("bfloat16", false) ? at::kBFloat16 : at::kFloat, false, true);
    options_.gradient = params.value("gradient", false);
    options_.top_k = params.value("top_k", 0);
    options_.kernel = kernel_of(params.value("kernel", "best"));
  }
  void run() override { rows_ = lens_rows(streams_, targets_, unembed_, options_); }
  Tensors answer() override {
    Tensors answer = {{"energy", rows_[0].energy}, {"entropy", rows_[0].entropy}};
    if (options_.gradient) answer["gradient"] = rows_[0].gradient;
    if (options_.top_k > 0) answer["top_ids"] = rows_[0].top_ids;
    return answer;
  }

 private:
  std::vector<at::Tensor> streams_;
  at::Tensor targets_;
  Unembed unembed_;
  LensOptions options_;
  std::vector<LensRows> rows_;
};

}  // namespace

std::unique_ptr<Work> make_lens() { return std::make_unique<Lens>(); }

}  // namespace energy_lens::bench
