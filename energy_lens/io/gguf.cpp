#include "energy_lens/io/gguf.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/io/gguf_cursor.h"
#include "energy_lens/io/mapped_numbers.h"

namespace energy_lens {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is little-endian");
constexpr std::string_view kMagic = "GGUF";
constexpr std::uint64_t kMaxName = 1024;
constexpr std::uint32_t kMaxRank = 4;

void check_version(GgufCursor& cursor) {
  const auto version = cursor.number<std::uint32_t>();
  if (version == 2 || version == 3) return;
  const bool swapped = version != 0 && (version & 0xFFFF) == 0;
  cursor.refuse(swapped ? "is big-endian, expected a little-endian file"
                        : "has GGUF version " + std::to_string(version) + ", expected 2 or 3");
}

// What may be counted in a header: each of it takes more memory here than bytes in the file.
struct Counted {
  const char* what;
  std::uint64_t shortest, most;  // bytes; no model comes near as many
};
constexpr Counted kTensors = {"tensors", 24, 1 << 17}, kKeys = {"keys", 13, 1 << 16};

std::uint64_t read_count(GgufCursor& cursor, const Counted& counted) {
  const auto count = cursor.number<std::uint64_t>();
  if (count > std::min(cursor.left() / counted.shortest, counted.most)) {
    cursor.refuse("announces " + std::to_string(count) + " " + counted.what +
                  ", more than the file can hold or a model can need");
  }
  return count;
}

std::string read_name(GgufCursor& cursor) {
  const std::string_view name = cursor.text();
  if (name.empty() || name.size() > kMaxName || !is_utf8(name)) {
    cursor.refuse("has a name that is empty, longer than " + std::to_string(kMaxName) + " bytes or not UTF-8");
  }
  return std::string(name);
}

const GgufType* read_type(GgufCursor& cursor, const std::string& name) {
  const auto id = cursor.number<std::uint32_t>();
  const GgufType* type = gguf_type(id);
  if (type == nullptr || type->block_bytes == 0) {
    cursor.refuse("has tensor '" + name + "' of type " + (type == nullptr ? std::to_string(id) : type->name) +
                  ", expected F32, F16, BF16 or Q8_0; use a less quantised file of the same model");
  }
  return type;
}

GgufTensor read_tensor(GgufCursor& cursor, const std::string& name) {
  GgufTensor tensor{};
  const auto rank = cursor.number<std::uint32_t>();
  if (rank > kMaxRank)
    cursor.refuse("has tensor '" + name + "' of " + std::to_string(rank) + " dimensions, expected up to 4");
  unsigned __int128 elements = 1;
  for (std::uint32_t i = 0; i < rank; ++i) {
    const auto size = cursor.number<std::uint64_t>();
    elements *= size;
    if (size == 0 || elements > std::numeric_limits<std::int64_t>::max() / 8) {
      cursor.refuse("has tensor '" + name + "' with an absurd size " + std::to_string(size));
    }
    tensor.shape.insert(tensor.shape.begin(), static_cast<std::int64_t>(size));
  }
  tensor.type = read_type(cursor, name);
  if ((rank == 0 ? 1 : tensor.shape.back()) % tensor.type->block != 0) {
    cursor.refuse("has tensor '" + name + "' whose rows are not whole blocks of " + std::to_string(tensor.type->block));
  }
  tensor.begin = cursor.number<std::uint64_t>();
  const auto bytes = static_cast<std::uint64_t>(elements) / tensor.type->block * tensor.type->block_bytes;
  if (tensor.begin > std::numeric_limits<std::uint64_t>::max() - bytes) {
    cursor.refuse("has tensor '" + name + "' at an absurd offset " + std::to_string(tensor.begin));
  }
  tensor.end = tensor.begin + bytes;
  return tensor;
}

// Inside the data, aligned, and no byte in two tensors.
void check_places(const GgufCursor& cursor, const std::map<std::string, GgufTensor>& tensors, std::uint64_t alignment,
                  std::uint64_t present) {
  std::vector<std::pair<const GgufTensor*, const std::string*>> ordered;
  for (const auto& [name, tensor] : tensors) ordered.emplace_back(&tensor, &name);
  std::ranges::sort(ordered, {}, [](const auto& item) { return std::pair(item.first->begin, item.first->end); });
  std::uint64_t taken = 0;
  for (const auto& [tensor, name] : ordered) {
    const std::string place = "has tensor '" + *name + "' at bytes " + std::to_string(tensor->begin) + " to " +
                              std::to_string(tensor->end) + " of the data, ";
    if (tensor->end > present)
      cursor.refuse(place + "which end at " + std::to_string(present) + ": truncated or damaged");
    if (tensor->begin % alignment != 0) cursor.refuse(place + "expected a multiple of " + std::to_string(alignment));
    if (tensor->begin < taken) cursor.refuse(place + "which overlaps the tensor before it");
    taken = tensor->end;
  }
}

std::uint64_t read_alignment(const GgufFile& file, const GgufCursor& cursor) {
  if (!file.has("general.alignment")) return 32;
  const Json value = file.value("general.alignment");
  const std::uint64_t alignment = value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
  if (alignment < 8 || alignment > (1u << 20) || alignment % 8 != 0) {
    const std::string shown = value.dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 100);
    cursor.refuse("has general.alignment " + shown + ", expected a multiple of 8 up to 2^20");
  }
  return alignment;
}

// Into [n] numbers of any floating type.
void dequantise(const std::uint8_t* data, const at::Tensor& out) {
  constexpr std::int64_t kPiece = 1 << 10;  // blocks
  const std::int64_t blocks = out.numel() / kQ8Block;
  parallel_blocks((blocks + kPiece - 1) / kPiece, [&](std::int64_t index) {
    const std::int64_t begin = index * kPiece, count = std::min(kPiece, blocks - begin);
    const at::Tensor numbers = at::empty({count * kQ8Block}, at::kFloat);
    dequantise_q8_0(data + begin * kQ8BlockBytes, count, numbers.data_ptr<float>());
    out.narrow(0, begin * kQ8Block, count * kQ8Block).copy_(numbers);
  });
}

}  // namespace

GgufFile::GgufFile(const std::filesystem::path& path) : path_(path), file_(MappedFile::open(path)) {
  GgufCursor cursor(path_, file_->bytes(), 0);
  if (!looks_like_gguf({reinterpret_cast<const char*>(cursor.take(4)), 4})) cursor.refuse("does not begin with GGUF");
  check_version(cursor);
  const std::uint64_t tensors = read_count(cursor, kTensors), keys = read_count(cursor, kKeys);
  for (std::uint64_t i = 0; i < keys; ++i) {
    const std::string key = read_name(cursor);
    if (!values_.emplace(key, cursor.at()).second) cursor.refuse("has the key '" + key + "' twice");
    cursor.skip_value();
  }
  if (has("split.count") && value("split.count") != 1 && value("split.count") != 0) {
    cursor.refuse("is one part of several, expected one file; llama-gguf-split --merge joins them");
  }
  for (std::uint64_t i = 0; i < tensors; ++i) {
    const std::string name = read_name(cursor);
    if (!tensors_.emplace(name, read_tensor(cursor, name)).second) cursor.refuse("has tensor '" + name + "' twice");
  }
  const std::uint64_t alignment = read_alignment(*this, cursor), size = file_->bytes().size();
  data_begin_ = std::min(size, (cursor.at() + alignment - 1) / alignment * alignment);
  check_places(cursor, tensors_, alignment, size - data_begin_);
}

std::vector<std::string> GgufFile::keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, at] : values_) keys.push_back(key);
  return keys;
}

Json GgufFile::value(const std::string& key) const {
  const auto found = values_.find(key);
  if (found == values_.end()) {
    fail(ErrorKind::BadInput, "gguf", path_.string() + " has no key '" + key + "'");
  }
  return GgufCursor(path_, file_->bytes(), found->second).value();
}

void GgufFile::read(const std::string& name, const at::Tensor& out) const {
  const GgufTensor& tensor = tensors_.at(name);
  EL_ASSERT(out.is_contiguous() && out.sizes() == at::IntArrayRef(tensor.shape));
  const std::size_t begin = data_begin_ + tensor.begin;
  if (tensor.type->block == 1) return copy_numbers(*file_, begin, tensor.type->dtype, out);
  constexpr std::int64_t kBlocksAtOnce = 1 << 17;
  const std::int64_t blocks = out.numel() / kQ8Block;
  const at::Tensor flat = out.view({-1});
  for (std::int64_t first = 0; first < blocks; first += kBlocksAtOnce) {
    const std::int64_t count = std::min(kBlocksAtOnce, blocks - first);
    const std::size_t at = begin + static_cast<std::size_t>(first * kQ8BlockBytes);
    dequantise(file_->bytes().data() + at, flat.narrow(0, first * kQ8Block, count * kQ8Block));
    file_->let_go(at, static_cast<std::size_t>(count * kQ8BlockBytes));
  }
}

bool looks_like_gguf(std::string_view head) { return head.starts_with(kMagic); }

}  // namespace energy_lens
