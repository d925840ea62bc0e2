#include "energy_lens/model/transformer.h"

#include <ATen/core/grad_mode.h>
#include <unistd.h>

#include <cmath>
#include <optional>

#include "energy_lens/core/error.h"
#include "energy_lens/core/shape.h"
#include "energy_lens/core/trace.h"
#include "energy_lens/model/checkpoint.h"
#include "energy_lens/model/families/registry.h"
#include "energy_lens/model/forward_pass.h"
#include "energy_lens/model/placement.h"
#include "energy_lens/model/row_pass.h"
#include "energy_lens/model/size.h"
#include "energy_lens/model/unembed_rows.h"

namespace energy_lens {

Transformer::Transformer(ModelConfig config, ModelWeights weights, at::ScalarType dtype, std::string digest)
    : config_(std::move(config)), weights_(std::move(weights)), dtype_(dtype), digest_(std::move(digest)) {}

std::int64_t Transformer::parameters() const {
  std::int64_t count = 0;
  visit_tensors(weights_, [&](const at::Tensor& tensor) { count += tensor.numel(); });
  return count;
}

void Transformer::check_batch(const TokenBatch& batch, const ForwardOptions& options) const {
  if (options.differentiable && options.cache != nullptr) {
    fail(ErrorKind::Usage, "forward", "got a KV cache for a differentiable pass, expected one or the other");
  }
  check_shape("forward", "ids", batch.ids, {{"B", static_cast<std::int64_t>(batch.lengths.size())}, {"T"}});
  const std::int64_t past = options.cache != nullptr ? options.cache->length : 0, tokens = batch.ids.size(1);
  if (tokens == 0 || past + tokens > config_.n_ctx) {
    fail(ErrorKind::BadInput, "forward",
         "got " + std::to_string(past + tokens) + " tokens, expected 1 to " + std::to_string(config_.n_ctx) +
             ", the model's context");
  }
  for (const std::int64_t length : batch.lengths) {
    if (length < 1 || length > tokens || (options.cache != nullptr && length != tokens)) {
      fail(ErrorKind::BadInput, "forward",
           "got a sequence of length " + std::to_string(length) + " in a batch of " + std::to_string(tokens) +
               " tokens");
    }
  }
  const std::int64_t low = batch.ids.min().item<std::int64_t>(), high = batch.ids.max().item<std::int64_t>();
  if (low < 0 || high >= config_.d_vocab) {
    fail(ErrorKind::BadInput, "forward",
         "got token id " + std::to_string(low < 0 ? low : high) + ", expected 0 to " +
             std::to_string(config_.d_vocab - 1));
  }
}

namespace {

template <class Pass>
ForwardResult run(Pass&& pass, std::int64_t first_layer, const at::Tensor& entering, const ForwardOptions& options) {
  const at::Tensor resid = pass.run_blocks(first_layer, entering.defined() ? entering : pass.embed());
  return {options.logits ? pass.unembed(resid) : at::Tensor(), resid};
}

}  // namespace

// entering: resid_pre.first_layer, undefined to start with the tokens.
ForwardResult Transformer::run_from(std::int64_t first_layer, const at::Tensor& entering, const TokenBatch& batch,
                                    const ForwardOptions& options) const {
  const TraceSpan span(options.differentiable ? "differentiable forward pass" : "forward pass");
  check_batch(batch, options);
  std::optional<at::NoGradGuard> no_grad;
  if (!options.differentiable) no_grad.emplace();
  if (options.differentiable || !weights_.embed.is_cpu()) {
    return run(ForwardPass(config_, weights_, batch, options), first_layer, entering, options);
  }
  return run(RowPass(config_, weights_, batch, options), first_layer, entering, options);
}

ForwardResult Transformer::forward(const TokenBatch& batch, const ForwardOptions& options) const {
  return run_from(0, {}, batch, options);
}

ForwardResult Transformer::forward_from(std::int64_t first_layer, const at::Tensor& resid, const TokenBatch& batch,
                                        const ForwardOptions& options) const {
  check_shape("forward_from", "resid", resid,
              {{"B", batch.ids.size(0)}, {"T", batch.ids.size(1)}, {"D", config_.d_model}});
  if (first_layer < 0 || first_layer > config_.n_layers) {
    fail(ErrorKind::Usage, "forward_from",
         "got layer " + std::to_string(first_layer) + ", expected 0 to " + std::to_string(config_.n_layers));
  }
  return run_from(first_layer, resid, batch, options);
}

namespace {

// Before any weight is read: a machine that starts to swap answers nothing.
void check_memory(const ModelConfig& config, at::ScalarType dtype) {
  const double needed = static_cast<double>(model_size(config, dtype, 1, 1).weight_bytes);
  const double present = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  if (needed <= present) return;
  const auto gigabytes = [](double bytes) { return std::to_string(std::llround(bytes / 1e9)) + " GB"; };
  fail(ErrorKind::Resource, "load_model",
       "the weights need " + gigabytes(needed) + ", the machine has " + gigabytes(present) +
           "; try --dtype bfloat16 or a smaller model");
}

}  // namespace

std::shared_ptr<const Model> load_model(const std::filesystem::path& folder, const LoadOptions& options) {
  if (options.dtype != at::kFloat && options.dtype != at::kBFloat16) {
    fail(ErrorKind::Usage, "load_model", "got a dtype other than float32 and bfloat16");
  }
  const Checkpoint checkpoint(folder);
  const TraceSpan span("read weights");
  ModelConfig config = read_model_config(checkpoint);
  const Family& family = family_named(config.family);
  const std::vector<at::Device> devices = devices_named(options.device);
  const std::unique_ptr<WeightSource> source = options.random
                                                   ? random_weights(options.random->seed, options.random->scale)
                                                   : checkpoint.weights(family.prefixes);
  check_shapes(config, *source);  // before the memory: a wrong config.json is no large model
  check_memory(config, options.dtype);
  ModelWeights weights = family.load(*source, config, options.dtype);
  source->check_all_used(family.ignored);
  place(weights, devices);
  return std::make_shared<Transformer>(std::move(config), std::move(weights), options.dtype, source->digest());
}

std::vector<std::int64_t> generate_greedy(const Model& model, const std::vector<std::int64_t>& prompt,
                                          std::int64_t steps, Editor* editor) {
  KvCache cache;
  ForwardOptions options;
  options.logits = false;
  options.cache = &cache;
  options.editor = editor;
  std::vector<std::int64_t> ids = prompt, fresh = prompt;
  for (std::int64_t step = 0; step < steps; ++step) {
    const at::Tensor last = model.forward(pad_right({fresh}), options).resid[0].slice(0, -1);
    fresh = {logits_of_rows(model, last)[0].argmax().item<std::int64_t>()};
    ids.push_back(fresh[0]);
  }
  return ids;
}

}  // namespace energy_lens
