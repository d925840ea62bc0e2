#include "energy_lens/experiment/doctor.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <unistd.h>

#include <algorithm>

#include "energy_lens/core/philox.h"
#include "energy_lens/experiment/model_description.h"
#include "energy_lens/kernels/torch_free/row_kernels.h"
#include "energy_lens/lens/self_check.h"
#include "energy_lens/model/placement.h"

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
          {"bfloat16_unit", name_of(best_row_kernels().unit)},
          {"best_device", devices}};
}

std::vector<std::int64_t> some_ids(const ModelConfig& config) {
  Philox random(0, "doctor", 0);
  std::vector<std::int64_t> ids(static_cast<std::size_t>(std::min(config.n_ctx, kTokens)));
  for (std::int64_t& id : ids) id = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(config.d_vocab)));
  return ids;
}

DoctorOutcome examined(const ModelChoice& choice) {
  LoadOptions options = load_options(choice);
  const auto model = load_model(choice.model, options);
  DoctorOutcome outcome{{{"schema", "energy-lens/doctor/1"}}, true};
  outcome.report["model"] = describe_model(model->config(), choice);
  outcome.report["model"]["digest"] = model->digest();
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

}  // namespace

DoctorOutcome run_doctor(const ModelChoice& choice) {
  DoctorOutcome outcome = examined(choice);
  // Last, without the model: libtorch's part for CUDA, loaded to look for devices, can be as large as that.
  outcome.report["machine"] = machine_json();
  return outcome;
}

}  // namespace energy_lens
