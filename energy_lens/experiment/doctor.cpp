#include "energy_lens/experiment/doctor.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <unistd.h>

#include <algorithm>

#include "energy_lens/core/philox.h"
#include "energy_lens/kernels/torch_free/row_kernels.h"
#include "energy_lens/lens/self_check.h"
#include "energy_lens/model/placement.h"
#include "energy_lens/model/size.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kTokens = 64;

Json machine_json() {
  const auto bytes = static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  Json devices = Json::array();
  for (const at::Device& device : devices_named("auto")) devices.push_back(device.str());
  return {{"threads", at::get_num_threads()},
          {"memory_bytes", bytes},
          {"instructions", at::get_cpu_capability()},
          {"kernels", best_row_kernels().name},
          {"best_device", devices}};
}

Json model_json(const Model& model, const ModelChoice& choice) {
  const ModelConfig& c = model.config();
  const std::int64_t tokens = std::min<std::int64_t>(c.n_ctx, 1024);
  const ModelSize size = model_size(c, model.dtype(), tokens, at::get_num_threads());
  Json json = {{"source", choice.model},
               {"family", c.family},
               {"layers", c.n_layers},
               {"width", c.d_model},
               {"heads", c.n_heads},
               {"key_value_heads", c.n_kv_heads},
               {"head_width", c.d_head},
               {"mlp_width", c.d_mlp},
               {"context", c.n_ctx},
               {"vocabulary", c.d_vocab},
               {"parameters", size.parameters},
               {"dtype", choice.dtype},
               {"device", choice.device},
               {"weight_bytes", size.weight_bytes},
               {"working_bytes", size.working_bytes},
               {"working_tokens", tokens},
               {"digest", model.digest()}};
  if (c.experts.count > 0) {
    json["experts"] = {{"count", c.experts.count},
                       {"per_token", c.experts.per_token},
                       {"width", c.experts.width},
                       {"shared_width", c.experts.shared_width},
                       {"layers", std::ranges::count(c.experts.layers, true)}};
  }
  return json;
}

std::vector<std::int64_t> some_ids(const ModelConfig& config) {
  Philox random(0, "doctor", 0);
  std::vector<std::int64_t> ids(static_cast<std::size_t>(std::min(config.n_ctx, kTokens)));
  for (std::int64_t& id : ids) id = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(config.d_vocab)));
  return ids;
}

}  // namespace

DoctorOutcome run_doctor(const ModelChoice& choice) {
  LoadOptions options = load_options(choice);
  const auto model = load_model(choice.model, options);
  DoctorOutcome outcome{{{"schema", "energy-lens/doctor/1"}}, true};
  outcome.report["machine"] = machine_json();
  outcome.report["model"] = model_json(*model, choice);
  outcome.report["identities"] = Json::array();
  if (model->config().n_ctx < 2) return outcome;
  for (const IdentityCheck& check : check_identities(*model, some_ids(model->config()))) {
    outcome.report["identities"].push_back({{"identity", check.identity},
                                            {"largest_difference", check.difference},
                                            {"tolerance", check.tolerance},
                                            {"holds", check.holds()}});
    outcome.healthy = outcome.healthy && check.holds();
  }
  return outcome;
}

}  // namespace energy_lens
