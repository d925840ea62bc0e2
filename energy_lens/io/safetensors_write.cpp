#include <algorithm>
#include <cstring>

#include "energy_lens/core/error.h"
#include "energy_lens/io/atomic_file.h"
#include "energy_lens/io/file.h"
#include "energy_lens/io/safetensors.h"
#include "energy_lens/io/safetensors_dtype.h"

namespace energy_lens {
namespace {

struct Entry {
  const std::string* name;
  const at::Tensor* tensor;
};

// Widest elements first, so that every tensor starts aligned without padding; then by name.
std::vector<Entry> in_file_order(const std::map<std::string, at::Tensor>& tensors) {
  std::vector<Entry> entries;
  for (const auto& [name, tensor] : tensors) entries.push_back({&name, &tensor});
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.tensor->element_size() > b.tensor->element_size(); });
  return entries;
}

std::string header_text(const std::vector<Entry>& entries, const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const Entry& entry : entries) {
    const auto dtype = name_of_dtype(entry.tensor->scalar_type());
    if (!dtype) {
      fail(ErrorKind::Usage, "write_safetensors",
           "tensor '" + *entry.name + "' has a dtype that cannot be written, expected one of " + known_dtype_names());
    }
    const std::uint64_t end = offset + entry.tensor->nbytes();
    header[*entry.name] = {{"dtype", *dtype}, {"shape", entry.tensor->sizes().vec()}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::vector<Entry> entries = in_file_order(tensors);
  const std::string header = header_text(entries, metadata);
  const std::uint64_t length = header.size();
  AtomicFile file(path);
  file.write({reinterpret_cast<const char*>(&length), sizeof length});
  file.write(header);
  for (const Entry& entry : entries) {
    const at::Tensor plain = entry.tensor->cpu().contiguous();
    file.write({static_cast<const char*>(plain.const_data_ptr()), plain.nbytes()});
  }
  file.commit();
}

}  // namespace energy_lens
