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

 private:
  MappedFile(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  const std::uint8_t* data_;
  std::size_t size_;
};

}  // namespace energy_lens
