#include "energy_lens/experiment/kept_parts.h"

#include "energy_lens/dictionary/omp_dictionary.h"

namespace energy_lens {

namespace fs = std::filesystem;

namespace {

// "out/demo/" and "out/demo" are one folder.
fs::path beside(const fs::path& out) {
  fs::path folder = fs::absolute(out).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  folder += ".unfinished";
  return folder;
}

bool has_key(const fs::path& file, const std::string& key) {
  std::error_code ignored;
  return fs::is_regular_file(file, ignored) && read_file(file) == key;
}

}  // namespace

KeptParts::KeptParts(const fs::path& out, const std::string& key) : folder_(beside(out)), key_(key) {
  if (!has_key(folder_ / "key", key)) fs::remove_all(folder_);
}

// The key comes first: without it nothing that is kept is ever read.
void KeptParts::keep(const std::string& name, const std::string& bytes) const {
  if (!fs::exists(folder_ / "key")) write_file(folder_ / "key", key_);
  write_file(folder_ / name, bytes);
}

Json KeptParts::section(const std::string& name, const std::function<Json()>& make) const {
  const fs::path file = folder_ / (name + ".json");
  if (!fs::exists(file)) keep(name + ".json", make().dump());
  return read_json(file);
}

LayerDictionaries KeptParts::dictionaries(std::size_t layers, const std::function<LayerDictionaries()>& make) const {
  const auto file = [&](std::size_t i) { return folder_ / ("dictionary." + std::to_string(i) + ".safetensors"); };
  const fs::path complete = folder_ / "dictionaries";
  LayerDictionaries dictionaries;
  if (fs::exists(complete)) {
    for (std::size_t i = 0; i < layers; ++i) dictionaries.push_back(load_dictionary(file(i)));
    return dictionaries;
  }
  dictionaries = make();
  keep("dictionaries.of", std::to_string(layers));
  for (std::size_t i = 0; i < layers; ++i) save_dictionary(file(i), *dictionaries[i]);
  keep("dictionaries", "");
  return dictionaries;
}

void KeptParts::finish() const { fs::remove_all(folder_); }

}  // namespace energy_lens
