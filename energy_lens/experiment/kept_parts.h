// Finished parts of a study that was stopped, so that the same command goes on where it was. They lie in
// `<out>.unfinished` until the study is written.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "energy_lens/experiment/dictionary_section.h"
#include "energy_lens/io/file.h"

namespace energy_lens {

// Where the parts of a study that writes to `out` lie; nothing need be there.
std::filesystem::path parts_folder(const std::filesystem::path& out);

// Names of sections: of the edits at the i-th of a study's layers, and of the attractors.
std::string interventions_part(std::size_t i);
inline constexpr const char* kAttractorsPart = "attractors";

class KeptParts {
 public:
  // key: a digest of everything that decides the numbers. Errors: BadInput (parts kept under another key, which are
  // somebody's finished work; the place of `out` or of the parts is taken by something else).
  KeptParts(const std::filesystem::path& out, const std::string& key);

  // The kept part, or what `make` returns, which is kept. NaN is null in what comes back.
  Json section(const std::string& name, const std::function<Json()>& make) const;
  // All dictionaries, to the bit, or those that `make` returns. Errors of both: those of `make`; Resource.
  LayerDictionaries dictionaries(std::size_t layers, const std::function<LayerDictionaries()>& make) const;

  // What is there for a study of these layers, in words; "" where nothing is.
  std::string found(const std::vector<std::int64_t>& layers) const;

  // The study is written: nothing is kept any longer.
  void finish() const;

 private:
  bool has(const std::string& file) const;
  std::filesystem::path place(const std::string& name) const;  // of a part that is written next

  std::filesystem::path folder_;
  std::string key_;
};

}  // namespace energy_lens
