// Zip archives whose entries are stored as they are, which is how tensors are kept in them. Anything that could expand,
// leave the archive or mean two things is refused when it is opened.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct zip;
struct zip_file;

namespace energy_lens {

class ZipArchive {
 public:
  // Errors: NotFound; BadInput (damaged, compressed or encrypted entries, the same name twice, absolute names or names
  // with "..", entries that together exceed the file).
  explicit ZipArchive(const std::filesystem::path& path);

  bool has(const std::string& name) const { return entries_.contains(name); }
  std::vector<std::string> names() const;
  std::uint64_t size(const std::string& name) const;  // bytes; name must be there

  // Reads bytes [begin, begin + size) of an entry in order: next() gives the following out.size() bytes. An entry read
  // from its first byte to its last is checked against its CRC-32. Errors: BadInput.
  class Reader {
   public:
    Reader(const ZipArchive& archive, const std::string& name, std::uint64_t begin);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    void next(std::span<char> out);

   private:
    const ZipArchive& archive_;
    const std::string name_;
    zip_file* file_;
    std::uint64_t left_;
  };

  // Errors: BadInput (larger than max_bytes, damaged). name must be there.
  std::vector<char> read(const std::string& name, std::uint64_t max_bytes) const;

 private:
  struct Entry {
    std::uint64_t index, size;
  };
  [[noreturn]] void refuse(const std::string& reason) const;
  void add_entry(std::uint64_t index);
  std::filesystem::path path_;
  std::shared_ptr<zip> zip_;
  std::map<std::string, Entry> entries_;
};

}  // namespace energy_lens
