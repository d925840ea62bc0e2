// The per-layer energy study of one sequence after another: energy, entropy, top-10 and the exact gradient of every
// layer while the forward pass is there. Rows of kLayersTogether layers go through the lens at once, so that W_U is
// read once for them, and no more streams and gradients are held. Of the gradient the norms and the first rows are
// kept, as the rival keeps them. params: {"model": folder, "dtype": "float32" | "bfloat16", "checked": rows}; inputs:
// ids [N, T].
#include "benchmarks/ours/work.h"
#include "energy_lens/experiment/model_choice.h"
#include "energy_lens/lens/energy.h"

namespace energy_lens::bench {
namespace {

constexpr std::int64_t kLayersTogether = 2;

class LayerStudy : public Observer {
 public:
  LayerStudy(const Unembed& unembed, const at::Tensor& targets, std::int64_t checked, Tensors& found)
      : unembed_(unembed),
        targets_(targets.repeat({kLayersTogether})),
        rows_(targets.size(0)),
        checked_(checked),
        streams_(at::empty({kLayersTogether * rows_, unembed.w_u.size(1)})),
        found_(found),
        kernel_(unembed.w_u.scalar_type() == at::kBFloat16 ? LensKernel::Rounded : LensKernel::Best) {}
  bool wants(const SiteRef& site) const override { return site.site == Site::ResidPre; }
  void observe(const SiteRef& site, const at::Tensor& value, const TokenBatch&) override { add(site.layer, value); }

  // resid [1, T, D]
  void add(std::int64_t layer, const at::Tensor& resid) {
    streams_.narrow(0, static_cast<std::int64_t>(layers_.size()) * rows_, rows_).copy_(resid[0].narrow(0, 0, rows_));
    layers_.push_back(layer);
    if (std::ssize(layers_) == kLayersTogether) study();
  }

  // The layers added since.
  void study() {
    const std::int64_t count = std::ssize(layers_) * rows_;
    if (count == 0) return;
    const LensRows lens = lens_rows({streams_.narrow(0, 0, count)}, targets_.narrow(0, 0, count), unembed_,
                                    {.top_k = 10, .gradient = true, .kernel = kernel_})[0];
    for (std::size_t i = 0; i < layers_.size(); ++i) keep(layers_[i], static_cast<std::int64_t>(i) * rows_, lens);
    layers_.clear();
  }

 private:
  void keep(std::int64_t layer, std::int64_t first, const LensRows& lens) {
    const std::string at = "." + std::to_string(layer);
    found_["energy" + at] = lens.energy.narrow(0, first, rows_);
    found_["entropy" + at] = lens.entropy.narrow(0, first, rows_);
    found_["top_ids" + at] = lens.top_ids.narrow(0, first, rows_);
    found_["gradient_norm" + at] = lens.gradient.narrow(0, first, rows_).norm(2, 1);
    found_["gradient" + at] = lens.gradient.narrow(0, first, checked_).clone();
  }

  const Unembed& unembed_;
  const at::Tensor targets_;
  const std::int64_t rows_, checked_;
  const at::Tensor streams_;
  std::vector<std::int64_t> layers_;
  Tensors& found_;
  const LensKernel kernel_;  // bf16 rows as the rival has them, where weights are bf16
};

class Study : public Work {
 public:
  void prepare(const Json& params, const Tensors& inputs) override {
    model_ = load_model(params.at("model").get<std::string>(), {.dtype = parse_dtype(params.at("dtype"))});
    ids_ = inputs.at("ids").clone();
    checked_ = params.at("checked");
  }

  void run() override {
    const at::Tensor ids = ids_[next_ % ids_.size(0)];
    next_ = next_ + 1;
    const at::Tensor targets = ids.narrow(0, 1, ids.size(0) - 1);
    found_.clear();
    LayerStudy study(model_->unembed(), targets, checked_, found_);
    ForwardOptions options;
    options.logits = false;
    options.observer = &study;
    const ForwardResult last = model_->forward({ids.unsqueeze(0), {ids.size(0)}}, options);
    study.add(model_->config().n_layers, last.resid);
    study.study();
  }

  Tensors answer() override { return found_; }

 private:
  std::shared_ptr<const Model> model_;
  at::Tensor ids_;
  std::int64_t next_ = 0, checked_ = 0;
  Tensors found_;
};

}  // namespace

std::unique_ptr<Work> make_study() { return std::make_unique<Study>(); }

}  // namespace energy_lens::bench
