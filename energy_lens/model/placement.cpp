#include "energy_lens/model/placement.h"

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

std::vector<at::Device> every_cuda_device() {
  std::vector<at::Device> devices;
  const auto count = at::hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0;
  for (int i = 0; i < count; ++i) devices.emplace_back(at::kCUDA, static_cast<at::DeviceIndex>(i));
  return devices;
}

[[noreturn]] void refuse_device(const std::string& name) {
  fail(ErrorKind::NotFound, "device",
       "got '" + name + "', which this machine or this libtorch does not have; --device cpu always works");
}

at::Device parsed(const std::string& name) {
  try {
    return at::Device(name);
  } catch (const c10::Error&) {
    fail(ErrorKind::Usage, "device", "got '" + name + "', expected cpu, cuda, cuda:<number>, mps or auto");
  }
}

}  // namespace

std::vector<at::Device> devices_named(const std::string& name) {
  const std::vector<at::Device> cuda = every_cuda_device();
  if (name == "auto") {
    if (!cuda.empty()) return cuda;
    return {at::hasMPS() ? at::Device(at::kMPS) : at::Device(at::kCPU)};
  }
  const at::Device device = parsed(name);
  if (device.is_cpu()) return {device};
  if (device.is_mps() && at::hasMPS()) return {device};
  if (!device.is_cuda()) refuse_device(name);
  if (!device.has_index() && !cuda.empty()) return cuda;
  for (const at::Device& present : cuda) {
    if (present == device) return {device};
  }
  refuse_device(name);
}

void place(ModelWeights& weights, const std::vector<at::Device>& devices) {
  if (devices.front().is_cpu()) return;
  const auto move = [](at::Tensor& tensor, at::Device device) {
    if (tensor.defined()) tensor = tensor.to(device);
  };
  move(weights.embed, devices.front());
  move(weights.pos_embed, devices.front());
  for (std::size_t layer = 0; layer < weights.blocks.size(); ++layer) {
    const at::Device device = devices[layer * devices.size() / weights.blocks.size()];
    visit_block_tensors(weights.blocks[layer], [&](at::Tensor& tensor) { move(tensor, device); });
  }
}

}  // namespace energy_lens
