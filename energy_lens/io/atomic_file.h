// A file that appears whole or not at all: bytes go to a temporary name in the same folder, commit() renames it.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "energy_lens/io/descriptor.h"

namespace energy_lens {

class AtomicFile {
 public:
  // Makes missing parent folders. Errors: Resource (not writable, disk full), here and in the calls below.
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();  // without commit(): removes the temporary file
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  void commit();

 private:
  [[noreturn]] void fail_here(const char* doing) const;
  std::filesystem::path path_, temporary_;
  Descriptor descriptor_;
};

}  // namespace energy_lens
