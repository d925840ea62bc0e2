#include "energy_lens/io/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "energy_lens/core/error.h"
#include "energy_lens/io/json_check.h"
#include "energy_lens/io/mapped_numbers.h"
#include "energy_lens/io/safetensors_dtype.h"

namespace energy_lens {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors buffers are little-endian");
constexpr std::uint64_t kMaxHeader = 100'000'000;

// Parses one header; every refusal names the file, the tensor and what was expected.
class HeaderReader {
 public:
  HeaderReader(const std::filesystem::path& path, std::uint64_t buffer_size) : path_(path), buffer_size_(buffer_size) {}

  TensorInfo entry(const std::string& name, const Json& json) const {
    if (!json.is_object() || !json.contains("dtype") || !json.contains("shape") || !json.contains("data_offsets")) {
      refuse(name, "lacks dtype, shape or data_offsets");
    }
    TensorInfo info;
    info.dtype = read_dtype(name, json.at("dtype"));
    info.shape = read_shape(name, json.at("shape"));
    const std::vector<std::uint64_t> offsets = read_numbers(name, json.at("data_offsets"), "data_offsets");
    if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > buffer_size_) {
      refuse(name, "has data_offsets " + json.at("data_offsets").dump() +
                       ", expected [begin, end] inside a buffer of " + std::to_string(buffer_size_) + " bytes");
    }
    info.begin = offsets[0];
    info.end = offsets[1];
    check_size(name, info);
    return info;
  }

  // Tensors must tile the buffer: no holes, no overlaps, nothing left over.
  void check_coverage(const std::map<std::string, TensorInfo>& tensors) const {
    std::vector<std::pair<const TensorInfo*, const std::string*>> ordered;
    for (const auto& [name, info] : tensors) ordered.emplace_back(&info, &name);
    std::sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
      return std::pair(a.first->begin, a.first->end) < std::pair(b.first->begin, b.first->end);
    });
    std::uint64_t expected = 0;
    for (const auto& [info, name] : ordered) {
      if (info->begin != expected) {
        refuse(*name, std::string(info->begin < expected ? "overlaps the tensor before it" : "follows a hole") +
                          ": begins at byte " + std::to_string(info->begin) + ", expected " + std::to_string(expected));
      }
      expected = info->end;
    }
    if (expected != buffer_size_) {
      refuse_file("its tensors cover " + std::to_string(expected) + " of " + std::to_string(buffer_size_) +
                  " buffer bytes; the file is truncated or has trailing bytes");
    }
  }

  [[noreturn]] void refuse_file(const std::string& reason) const {
    fail(ErrorKind::BadInput, "safetensors", path_.string() + ": " + reason);
  }

 private:
  [[noreturn]] void refuse(const std::string& tensor, const std::string& reason) const {
    refuse_file("tensor '" + tensor + "' " + reason);
  }

  at::ScalarType read_dtype(const std::string& name, const Json& json) const {
    const auto dtype = json.is_string() ? dtype_of_name(json.get<std::string>()) : std::nullopt;
    if (!dtype) refuse(name, "has dtype " + json.dump() + ", expected one of " + known_dtype_names());
    return *dtype;
  }

  std::vector<std::uint64_t> read_numbers(const std::string& name, const Json& json, const char* what) const {
    std::vector<std::uint64_t> numbers;
    if (!json.is_array()) refuse(name, std::string("has ") + what + " that is not a list");
    for (const Json& item : json) {
      if (!item.is_number_unsigned()) {
        refuse(name, std::string("has ") + item.dump() + " in " + what + ", expected whole numbers from 0");
      }
      numbers.push_back(item.get<std::uint64_t>());
    }
    return numbers;
  }

  std::vector<std::int64_t> read_shape(const std::string& name, const Json& json) const {
    std::vector<std::int64_t> shape;
    for (const std::uint64_t size : read_numbers(name, json, "shape")) {
      if (size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        refuse(name, "has an absurd size " + std::to_string(size) + " in its shape");
      }
      shape.push_back(static_cast<std::int64_t>(size));
    }
    return shape;
  }

  void check_size(const std::string& name, const TensorInfo& info) const {
    unsigned __int128 bytes = at::elementSize(info.dtype);
    for (const std::int64_t size : info.shape) {
      bytes *= static_cast<std::uint64_t>(size);
      if (bytes > buffer_size_) {
        // A zero later in the shape makes the product legal again.
        bytes = std::find(info.shape.begin(), info.shape.end(), 0) == info.shape.end() ? bytes : 0;
        break;
      }
    }
    if (bytes != info.end - info.begin) {
      refuse(name,
             "spans " + std::to_string(info.end - info.begin) + " bytes, which is not what its shape and dtype need");
    }
  }

  const std::filesystem::path& path_;
  std::uint64_t buffer_size_;
};

std::uint64_t header_length(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) {
  const HeaderReader reader(path, 0);
  std::uint64_t length = 0;
  if (bytes.size() < 10) reader.refuse_file("is too short to be a safetensors file");
  std::memcpy(&length, bytes.data(), 8);
  if (length > kMaxHeader) {
    reader.refuse_file("claims a header of " + std::to_string(length) + " bytes, expected at most 100000000");
  }
  if (length > bytes.size() - 8) {
    reader.refuse_file("is truncated: its header needs " + std::to_string(length) + " bytes, the file has " +
                       std::to_string(bytes.size() - 8));
  }
  if (length == 0 || bytes[8] != '{') reader.refuse_file("has a header that does not begin with '{'");
  return length;
}

std::map<std::string, std::string> read_metadata(const HeaderReader& reader, const Json& json) {
  std::map<std::string, std::string> metadata;
  if (!json.is_object()) reader.refuse_file("__metadata__ is not an object");
  for (const auto& item : json.items()) {
    if (!item.value().is_string()) reader.refuse_file("__metadata__ '" + item.key() + "' is not a string");
    metadata[item.key()] = item.value().get<std::string>();
  }
  return metadata;
}

}  // namespace

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  SafetensorsFile result;
  result.path_ = path;
  result.file_ = MappedFile::open(path);
  const auto bytes = result.file_->bytes();
  const std::uint64_t length = header_length(path, bytes);
  result.buffer_begin_ = 8 + length;
  const HeaderReader reader(path, bytes.size() - result.buffer_begin_);
  const Json header =
      parse_json({reinterpret_cast<const char*>(bytes.data()) + 8, length}, path.string() + " (safetensors header)");
  for (const auto& item : header.items()) {
    if (item.key() == "__metadata__") {
      result.metadata_ = read_metadata(reader, item.value());
    } else {
      result.tensors_.emplace(item.key(), reader.entry(item.key(), item.value()));
    }
  }
  reader.check_coverage(result.tensors_);
  return result;
}

at::Tensor SafetensorsFile::view(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    fail(ErrorKind::BadInput, "safetensors", path_.string() + " has no tensor '" + name + "'");
  }
  const TensorInfo& info = found->second;
  // from_blob wants a mutable pointer; the mapping is private, so a stray write could never reach the file.
  auto* data = const_cast<std::uint8_t*>(file_->bytes().data() + buffer_begin_ + info.begin);
  const auto options = at::TensorOptions().dtype(info.dtype);
  return at::from_blob(data, info.shape, [owner = file_](void*) {}, options);
}

void SafetensorsFile::read(const std::string& name, const at::Tensor& out) const {
  const auto found = tensors_.find(name);
  EL_ASSERT(found != tensors_.end());
  EL_ASSERT(out.sizes() == at::IntArrayRef(found->second.shape));
  copy_numbers(*file_, buffer_begin_ + found->second.begin, found->second.dtype, out);
}

}  // namespace energy_lens
