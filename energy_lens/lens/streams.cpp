#include "energy_lens/lens/streams.h"

#include <map>
#include <numeric>
#include <string>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

class ResidPreObserver : public Observer {
 public:
  explicit ResidPreObserver(const std::vector<std::int64_t>& layers) {
    for (const std::int64_t layer : layers) found_[layer];
  }
  bool wants(const SiteRef& site) const override { return site.site == Site::ResidPre && found_.contains(site.layer); }
  void observe(const SiteRef& site, const at::Tensor& value, const TokenBatch&) override {
    found_[site.layer] = value.clone();
  }
  const at::Tensor& at_layer(std::int64_t layer) const { return found_.at(layer); }

 private:
  std::map<std::int64_t, at::Tensor> found_;
};

}  // namespace

Streams capture_streams(const Model& model, const TokenBatch& batch, const std::vector<std::int64_t>& layers) {
  const std::int64_t last = model.config().n_layers;
  for (const std::int64_t layer : layers) {
    if (layer >= 0 && layer <= last) continue;
    fail(ErrorKind::Usage, "capture_streams",
         "got layer " + std::to_string(layer) + ", expected 0 to " + std::to_string(last));
  }
  ResidPreObserver observer(layers);
  ForwardOptions options;
  options.logits = false;
  options.observer = &observer;
  const ForwardResult result = model.forward(batch, options);
  Streams streams;
  for (const std::int64_t layer : layers) {
    streams.resid.push_back(layer == last ? result.resid : observer.at_layer(layer));
  }
  return streams;
}

LensRows lens_of_stream(const Model& model, const at::Tensor& stream, const std::vector<std::int64_t>& ids,
                        const LensOptions& options) {
  const auto rows = static_cast<std::int64_t>(ids.size()) - 1;
  const at::Tensor targets = at::tensor(ids, at::kLong).narrow(0, 1, rows);
  return lens_rows({stream.narrow(0, 0, rows)}, targets, model.unembed(), options)[0];
}

std::vector<std::int64_t> every_layer(const Model& model) {
  std::vector<std::int64_t> layers(model.config().n_layers + 1);
  std::iota(layers.begin(), layers.end(), 0);
  return layers;
}

}  // namespace energy_lens
