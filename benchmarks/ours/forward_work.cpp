// A forward pass over one sequence that keeps the residual stream entering every block and leaving the last one.
// params: {"model": folder, "dtype": "float32" | "bfloat16", "capture": bool}; inputs: ids [T].
#include "benchmarks/ours/work.h"
#include "energy_lens/experiment/model_choice.h"
#include "energy_lens/lens/streams.h"

namespace energy_lens::bench {
namespace {

class Forward : public Work {
 public:
  void prepare(const Json& params, const Tensors& inputs) override {
    model_ = load_model(params.at("model").get<std::string>(), {.dtype = parse_dtype(params.at("dtype"))});
    layers_ =
        params.value("capture", true) ? every_layer(*model_) : std::vector<std::int64_t>{model_->config().n_layers};
    const at::Tensor ids = inputs.at("ids").clone();
    batch_ = {ids.unsqueeze(0), {ids.size(0)}};
  }

  void run() override { streams_ = capture_streams(*model_, batch_, layers_); }

  Tensors answer() override {
    Tensors answer;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      answer["resid." + std::to_string(layers_[i])] = streams_.resid[i][0].contiguous();
    }
    return answer;
  }

 private:
  std::shared_ptr<const Model> model_;
  std::vector<std::int64_t> layers_;
  TokenBatch batch_;
  Streams streams_;
};

}  // namespace

std::unique_ptr<Work> make_forward() { return std::make_unique<Forward>(); }

}  // namespace energy_lens::bench
