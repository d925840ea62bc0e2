// The per-layer energy study of one sequence after another: forward pass, then energy, entropy, top-10 and the exact
// gradient at every layer. params: {"model": folder, "dtype": "float32" | "bfloat16"}; inputs: ids [N, T].
#include "benchmarks/ours/work.h"
#include "energy_lens/experiment/model_choice.h"
#include "energy_lens/lens/energy.h"
#include "energy_lens/lens/streams.h"

namespace energy_lens::bench {
namespace {

class Study : public Work {
 public:
  void prepare(const Json& params, const Tensors& inputs) override {
    model_ = load_model(params.at("model").get<std::string>(), {.dtype = parse_dtype(params.at("dtype"))});
    ids_ = inputs.at("ids").clone();
  }

  void run() override {
    const at::Tensor ids = ids_[next_ % ids_.size(0)];
    next_ = next_ + 1;
    const std::int64_t rows = ids.size(0) - 1;
    const Streams streams = capture_streams(*model_, {ids.unsqueeze(0), {ids.size(0)}}, every_layer(*model_));
    std::vector<at::Tensor> inputs;
    for (const at::Tensor& stream : streams.resid) inputs.push_back(stream[0].narrow(0, 0, rows));
    rows_ = lens_rows(inputs, ids.narrow(0, 1, rows), model_->unembed(), {.top_k = 10, .gradient = true});
  }

  Tensors answer() override {
    Tensors answer;
    for (std::size_t layer = 0; layer < rows_.size(); ++layer) {
      const std::string at = "." + std::to_string(layer);
      answer["energy" + at] = rows_[layer].energy;
      answer["entropy" + at] = rows_[layer].entropy;
      answer["top_ids" + at] = rows_[layer].top_ids;
      answer["gradient" + at] = rows_[layer].gradient;
    }
    return answer;
  }

 private:
  std::shared_ptr<const Model> model_;
  at::Tensor ids_;
  std::int64_t next_ = 0;
  std::vector<LensRows> rows_;
};

}  // namespace

std::unique_ptr<Work> make_study() { return std::make_unique<Study>(); }

}  // namespace energy_lens::bench
