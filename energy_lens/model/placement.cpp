#include "energy_lens/model/placement.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <dlfcn.h>

#include <numeric>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

// libtorch's part for CUDA makes itself known to the rest as it is loaded. Whoever wants the CPU does without: it takes
// hundreds of megabytes and a second or two. A libtorch without it has no such file, and no device then.
void load_cuda_part() { ::dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL); }

std::vector<at::Device> every_cuda_device() {
  load_cuda_part();
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
  if (name == "auto") {
    const std::vector<at::Device> cuda = every_cuda_device();
    if (!cuda.empty()) return cuda;
    return {at::hasMPS() ? at::Device(at::kMPS) : at::Device(at::kCPU)};
  }
  const at::Device device = parsed(name);
  if (device.is_cpu()) return {device};
  if (device.is_mps() && at::hasMPS()) return {device};
  if (!device.is_cuda()) refuse_device(name);
  const std::vector<at::Device> cuda = every_cuda_device();
  if (!device.has_index() && !cuda.empty()) return cuda;
  for (const at::Device& present : cuda) {
    if (present == device) return {device};
  }
  refuse_device(name);
}

namespace {

constexpr double kForWeights = 0.9;

// First fit: each device takes blocks while it stays within `fullness` of its memory. Empty where blocks are left over,
// which no other cut into runs could avoid at this fullness.
std::vector<std::size_t> fill_to(double fullness, const std::vector<std::int64_t>& block_bytes,
                                 std::int64_t embedding_bytes, const std::vector<std::int64_t>& device_bytes) {
  std::vector<std::size_t> plan;
  for (std::size_t device = 0; device < device_bytes.size(); ++device) {
    const double room = fullness * static_cast<double>(device_bytes[device]);
    double used = device == 0 ? static_cast<double>(embedding_bytes) : 0.0;
    if (used > room) return {};
    while (plan.size() < block_bytes.size() && used + static_cast<double>(block_bytes[plan.size()]) <= room) {
      used += static_cast<double>(block_bytes[plan.size()]);
      plan.push_back(device);
    }
  }
  return plan.size() == block_bytes.size() ? plan : std::vector<std::size_t>();
}

std::int64_t bytes_of(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<std::int64_t>(tensor.nbytes()) : 0;
}

std::vector<std::int64_t> free_memory(const std::vector<at::Device>& devices) {
  std::vector<std::int64_t> bytes;
  for (const at::Device& device : devices) {
    const auto [free, total] = at::getDeviceAllocator(device.type())->getMemoryInfo(device.index());
    bytes.push_back(static_cast<std::int64_t>(free));
  }
  return bytes;
}

void move_blocks(ModelWeights& weights, const std::vector<at::Device>& devices, const std::vector<std::size_t>& plan) {
  const auto move = [](at::Tensor& tensor, at::Device device) {
    if (tensor.defined()) tensor = tensor.to(device);
  };
  move(weights.embed, devices.front());
  move(weights.pos_embed, devices.front());
  for (std::size_t layer = 0; layer < weights.blocks.size(); ++layer) {
    visit_block_tensors(weights.blocks[layer], [&](at::Tensor& tensor) { move(tensor, devices[plan[layer]]); });
  }
}

}  // namespace

std::vector<std::size_t> plan_blocks(const std::vector<std::int64_t>& block_bytes, std::int64_t embedding_bytes,
                                     const std::vector<std::int64_t>& device_bytes) {
  std::vector<std::size_t> best = fill_to(kForWeights, block_bytes, embedding_bytes, device_bytes);
  if (best.empty() && !block_bytes.empty()) {
    const std::int64_t needed = std::accumulate(block_bytes.begin(), block_bytes.end(), embedding_bytes);
    const std::int64_t present = std::accumulate(device_bytes.begin(), device_bytes.end(), std::int64_t{0});
    fail(ErrorKind::Resource, "device",
         "the layers need " + std::to_string(needed / 1000000) + " MB, the " + std::to_string(device_bytes.size()) +
             " devices have " + std::to_string(present / 1000000) +
             " MB free, of which a tenth is kept for activations; try --dtype bfloat16 or --device cpu");
  }
  double low = 0.0, high = kForWeights;
  for (int halving = 0; halving < 40; ++halving) {
    const double middle = (low + high) / 2.0;
    std::vector<std::size_t> plan = fill_to(middle, block_bytes, embedding_bytes, device_bytes);
    if (plan.empty()) {
      low = middle;
    } else {
      high = middle;
      best = std::move(plan);
    }
  }
  return best;
}

void place(ModelWeights& weights, const std::vector<at::Device>& devices) {
  if (devices.front().is_cpu()) return;
  if (devices.size() > 1) return place(weights, devices, free_memory(devices));
  move_blocks(weights, devices, std::vector<std::size_t>(weights.blocks.size(), 0));
}

void place(ModelWeights& weights, const std::vector<at::Device>& devices,
           const std::vector<std::int64_t>& device_bytes) {
  std::vector<std::int64_t> block_bytes;
  for (const BlockWeights& block : weights.blocks) {
    std::int64_t& bytes = block_bytes.emplace_back(0);
    visit_block_tensors(block, [&](const at::Tensor& tensor) { bytes += bytes_of(tensor); });
  }
  const std::int64_t embedding = bytes_of(weights.embed) + bytes_of(weights.pos_embed);
  move_blocks(weights, devices, plan_blocks(block_bytes, embedding, device_bytes));
}

}  // namespace energy_lens
