#include "energy_lens/io/torch_state.h"

#include <algorithm>
#include <array>
#include <limits>

#include "energy_lens/core/error.h"
#include "energy_lens/io/pickle.h"

namespace energy_lens {
namespace {

using Kind = Pickle::Kind;
using Node = Pickle::Node;

struct StorageType {
  std::string_view name;
  at::ScalarType dtype;
};

constexpr std::string_view kTensor = "torch._utils._rebuild_tensor_v2", kParameter = "torch._utils._rebuild_parameter",
                           kSize = "torch.Size";
constexpr auto kStorages = std::to_array<StorageType>({{"torch.DoubleStorage", at::kDouble},
                                                       {"torch.FloatStorage", at::kFloat},
                                                       {"torch.HalfStorage", at::kHalf},
                                                       {"torch.BFloat16Storage", at::kBFloat16},
                                                       {"torch.LongStorage", at::kLong},
                                                       {"torch.IntStorage", at::kInt},
                                                       {"torch.ShortStorage", at::kShort},
                                                       {"torch.CharStorage", at::kChar},
                                                       {"torch.ByteStorage", at::kByte},
                                                       {"torch.BoolStorage", at::kBool}});
// Element types as values beside the tensors ("dtype": torch.float32): plain names.
constexpr auto kDtypes =
    std::to_array<std::string_view>({"torch.float64", "torch.float32", "torch.float16", "torch.bfloat16", "torch.int64",
                                     "torch.int32", "torch.int16", "torch.int8", "torch.uint8", "torch.bool"});
constexpr std::size_t kMaxDepth = 16, kMaxRank = 16, kMaxVisits = 1 << 20;

std::vector<std::string_view> allowed_globals() {
  std::vector<std::string_view> names = {kTensor, kParameter, kSize};
  for (const StorageType& storage : kStorages) names.push_back(storage.name);
  names.insert(names.end(), kDtypes.begin(), kDtypes.end());
  return names;
}

// Walks the pickled value; every refusal names the file and the tensor.
class StateReader {
 public:
  StateReader(const Pickle& pickle, const std::string& storage_prefix, const std::string& what)
      : pickle_(pickle), storage_prefix_(storage_prefix), what_(what) {}

  void visit(Pickle::Id id, const std::string& name, std::size_t depth);
  std::map<std::string, TorchTensor> tensors;

 private:
  [[noreturn]] void refuse(const std::string& name, const std::string& reason) const {
    fail(ErrorKind::BadInput, "torch_file", what_ + (name.empty() ? "" : " tensor '" + name + "'") + " " + reason);
  }
  const Node& node(Pickle::Id id) const { return pickle_[id]; }
  const std::vector<Pickle::Id>& tuple(Pickle::Id id, std::size_t at_least, const std::string& name) const {
    const Node& found = node(id);
    if (found.kind != Kind::Tuple || found.items.size() < at_least) refuse(name, "is not described as torch.save does");
    return found.items;
  }
  std::int64_t integer(Pickle::Id id, const std::string& name) const {
    const Node& found = node(id);
    if (found.kind != Kind::Integer || found.integer < 0)
      refuse(name, "has a size, stride or offset below 0 or not whole");
    return found.integer;
  }
  std::string_view function_of(const Node& call) const { return node(call.items[0]).text; }
  std::vector<std::int64_t> integers(Pickle::Id id, const std::string& name) const;
  void read_storage(Pickle::Id id, const std::string& name, TorchTensor& tensor) const;
  void check_layout(const std::string& name, TorchTensor& tensor) const;
  TorchTensor tensor(const Node& call, const std::string& name) const;
  std::string key_text(Pickle::Id id) const;

  const Pickle& pickle_;
  const std::string& storage_prefix_;
  const std::string& what_;
  std::size_t visits_ = 0;
};

std::vector<std::int64_t> StateReader::integers(Pickle::Id id, const std::string& name) const {
  if (node(id).kind == Kind::Call && function_of(node(id)) == kSize) id = tuple(node(id).items[1], 1, name)[0];
  std::vector<std::int64_t> numbers;
  for (const Pickle::Id item : tuple(id, 0, name)) numbers.push_back(integer(item, name));
  if (numbers.size() > kMaxRank) refuse(name, "has more than " + std::to_string(kMaxRank) + " dimensions");
  return numbers;
}

// A persistent id: ("storage", type, key, device it was on, elements).
void StateReader::read_storage(Pickle::Id id, const std::string& name, TorchTensor& tensor) const {
  if (node(id).kind != Kind::Persistent) refuse(name, "has no storage");
  const std::vector<Pickle::Id>& parts = tuple(node(id).items[0], 5, name);
  const Node &type = node(parts[1]), &key = node(parts[2]);
  const auto found = std::ranges::find(kStorages, type.text, &StorageType::name);
  if (type.kind != Kind::Global || found == kStorages.end() || key.kind != Kind::Text || key.text.empty() ||
      !std::ranges::all_of(key.text, [](char c) { return c >= '0' && c <= '9'; })) {
    refuse(name, "has a storage that is not described as torch.save does");
  }
  tensor.dtype = found->dtype;
  tensor.storage = storage_prefix_ + std::string(key.text);
}

// Two indices never meet the same element, so a tensor is never larger than its storage.
void StateReader::check_layout(const std::string& name, TorchTensor& tensor) const {
  if (tensor.shape.size() != tensor.strides.size()) refuse(name, "has another number of strides than of sizes");
  std::vector<std::pair<std::int64_t, std::int64_t>> steps;  // stride, size
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    if (tensor.shape[i] == 0) {
      tensor.span = 0;
      return;
    }
    if (tensor.shape[i] > 1) steps.emplace_back(tensor.strides[i], tensor.shape[i]);
  }
  std::ranges::sort(steps);
  __int128 span = 1;
  for (const auto& [stride, size] : steps) {
    if (stride < span)
      refuse(name, "overlaps itself: strides reach one element by two indices; save a contiguous copy");
    span += static_cast<__int128>(stride) * (size - 1);
    if (span > std::numeric_limits<std::int64_t>::max() / 16) refuse(name, "has sizes and strides beyond any storage");
  }
  tensor.span = static_cast<std::int64_t>(span);
}

TorchTensor StateReader::tensor(const Node& call, const std::string& name) const {
  const std::vector<Pickle::Id>& arguments = tuple(call.items[1], 1, name);
  if (function_of(call) == kParameter) {
    const Node& inner = node(arguments[0]);
    if (inner.kind != Kind::Call || function_of(inner) != kTensor) refuse(name, "is a parameter without a tensor");
    return tensor(inner, name);
  }
  if (function_of(call) != kTensor || arguments.size() < 4) refuse(name, "is not described as torch.save does");
  TorchTensor result{};
  read_storage(arguments[0], name, result);
  result.offset = integer(arguments[1], name);
  result.shape = integers(arguments[2], name);
  result.strides = integers(arguments[3], name);
  check_layout(name, result);
  if (result.offset > std::numeric_limits<std::int64_t>::max() / 16) refuse(name, "has an absurd offset");
  return result;
}

std::string StateReader::key_text(Pickle::Id id) const {
  const Node& key = node(id);
  if (key.kind == Kind::Integer) return std::to_string(key.integer);
  if (key.kind != Kind::Text) refuse("", "has a dictionary key that is neither text nor a whole number");
  if (key.text.size() > 4096) refuse("", "has a dictionary key of " + std::to_string(key.text.size()) + " bytes");
  return std::string(key.text);
}

void StateReader::visit(Pickle::Id id, const std::string& name, std::size_t depth) {
  if (depth > kMaxDepth || ++visits_ > kMaxVisits)
    refuse("", "has dictionaries nested too deeply or inside themselves");
  const Node& value = node(id);
  if (value.kind == Kind::Call && function_of(value) != kSize) {
    if (!tensors.emplace(name, tensor(value, name)).second) refuse(name, "is there twice");
  }
  if (value.kind != Kind::Dict) return;
  for (std::size_t i = 0; i < value.items.size(); i += 2) {
    visit(value.items[i + 1], (name.empty() ? "" : name + ".") + key_text(value.items[i]), depth + 1);
  }
}

}  // namespace

std::map<std::string, TorchTensor> read_torch_state(std::vector<char> bytes, const std::string& storage_prefix,
                                                    const std::string& what) {
  const std::vector<std::string_view> allowed = allowed_globals();
  const Pickle pickle = Pickle::parse(std::move(bytes), allowed, what + " (data.pkl)");
  StateReader reader(pickle, storage_prefix, what);
  if (pickle[pickle.root()].kind != Kind::Dict) {
    fail(ErrorKind::BadInput, "torch_file", what + " does not hold a dictionary of tensors (a state_dict)");
  }
  reader.visit(pickle.root(), "", 0);
  return std::move(reader.tensors);
}

}  // namespace energy_lens
