// A whole file mapped read-only; unmapped when the last owner goes.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace energy_lens {

class MappedFile {
 public:
  // Errors: NotFound; BadInput (not a regular file, empty); Resource (cannot be mapped).
  static std::shared_ptr<MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::uint8_t> bytes() const { return {data_, size_}; }
  // Takes the pages inside [begin, begin + size) out of memory; they are read again when touched. A pass over a file
  // that lets go of what it has read holds a piece of it, not the whole.
  void let_go(std::size_t begin, std::size_t size) const;

 private:
  MappedFile(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  const std::uint8_t* data_;
  std::size_t size_;
};

}  // namespace energy_lens
