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

Streams capture_streams(const Model& model, const TokenBatch& batch, const std::vector<std::int64_t>& layers,
                        bool logits) {
  const std::int64_t last = model.config().n_layers;
  for (const std::int64_t layer : layers) {
    if (layer >= 0 && layer <= last) continue;
    fail(ErrorKind::Usage, "capture_streams",
         "got layer " + std::to_string(layer) + ", expected 0 to " + std::to_string(last));
  }
  ResidPreObserver observer(layers);
  ForwardOptions options;
  options.logits = logits;
  options.observer = &observer;
  const ForwardResult result = model.forward(batch, options);
  Streams streams;
  streams.logits = result.logits;
  for (const std::int64_t layer : layers) {
    streams.resid.push_back(layer == last ? result.resid : observer.at_layer(layer));
  }
  return streams;
}

std::vector<std::int64_t> every_layer(const Model& model) {
  std::vector<std::int64_t> layers(model.config().n_layers + 1);
  std::iota(layers.begin(), layers.end(), 0);
  return layers;
}

}  // namespace energy_lens
