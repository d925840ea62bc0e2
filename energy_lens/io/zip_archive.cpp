#include "energy_lens/io/zip_archive.h"

#include <zip.h>

#include <algorithm>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;

// "a/b/c" with no empty, "." or ".." part, no backslash, drive or control character.
bool stays_inside(const std::string& name) {
  if (name.empty() || name.front() == '/') return false;
  if (std::ranges::any_of(name, [](unsigned char c) { return c < ' ' || c == '\\' || c == ':' || c == 0x7F; }))
    return false;
  const fs::path path(name);
  return std::ranges::none_of(path, [](const fs::path& part) { return part == ".." || part == "."; });
}

std::string printable_name(std::string name) {
  name.resize(std::min<std::size_t>(name.size(), 100));
  std::ranges::replace_if(name, [](unsigned char c) { return c < ' ' || c > '~'; }, '?');
  return name;
}

std::string message_of(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

}  // namespace

ZipArchive::ZipArchive(const fs::path& path) : path_(path) {
  int code = 0;
  zip_t* opened = zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code);
  if (opened == nullptr) {
    std::error_code ignored;
    const bool there = fs::exists(path, ignored);
    // libzip says "no such file" of some damaged directories too.
    fail(there ? ErrorKind::BadInput : ErrorKind::NotFound, "zip",
         path.string() + " cannot be read as a zip archive: " +
             (there && code == ZIP_ER_NOENT ? "it is damaged" : message_of(code)));
  }
  zip_.reset(opened, zip_discard);
  const auto count = static_cast<std::uint64_t>(zip_get_num_entries(opened, 0));
  for (std::uint64_t index = 0; index < count; ++index) add_entry(index);
  std::uint64_t total = 0;
  std::error_code ignored;
  const std::uint64_t present = fs::file_size(path, ignored);
  for (const auto& [name, entry] : entries_) {
    if (entry.size > present - total) refuse("has entries that overlap: together they are larger than the file");
    total += entry.size;
  }
}

void ZipArchive::refuse(const std::string& reason) const {
  fail(ErrorKind::BadInput, "zip", path_.string() + " " + reason);
}

void ZipArchive::add_entry(std::uint64_t index) {
  zip_stat_t status;
  constexpr std::uint64_t kNeeded =
      ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  if (zip_stat_index(zip_.get(), index, 0, &status) != 0 || (status.valid & kNeeded) != kNeeded) {
    refuse("has a damaged entry " + std::to_string(index));
  }
  const std::string name = status.name, shown = "has entry '" + printable_name(name) + "'";
  if (!stays_inside(name)) refuse(shown + ", a name that leaves the archive");
  if (status.encryption_method != ZIP_EM_NONE) refuse(shown + ", which is encrypted");
  if (status.comp_method != ZIP_CM_STORE || status.comp_size != status.size) {
    refuse(shown +
           ", which is compressed, expected stored entries as torch.save writes them; unpack and store it again");
  }
  if (!entries_.emplace(name, Entry{index, status.size}).second) refuse(shown + " twice");
}

std::vector<std::string> ZipArchive::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

std::uint64_t ZipArchive::size(const std::string& name) const { return entries_.at(name).size; }

std::vector<char> ZipArchive::read(const std::string& name, std::uint64_t max_bytes) const {
  if (size(name) > max_bytes) {
    refuse("has entry '" + name + "' of " + std::to_string(size(name)) + " bytes, expected at most " +
           std::to_string(max_bytes));
  }
  std::vector<char> bytes(size(name));
  Reader(*this, name, 0).next(bytes);
  return bytes;
}

ZipArchive::Reader::Reader(const ZipArchive& archive, const std::string& name, std::uint64_t begin)
    : archive_(archive),
      name_(name),
      file_(zip_fopen_index(archive.zip_.get(), archive.entries_.at(name).index, 0)),
      left_(archive.size(name) - begin) {
  if (file_ == nullptr)
    archive_.refuse("has entry '" + name + "', which cannot be opened: " + zip_strerror(archive.zip_.get()));
  if (begin > 0 && zip_fseek(file_, static_cast<zip_int64_t>(begin), SEEK_SET) != 0) {
    zip_fclose(file_);
    archive_.refuse("has entry '" + name + "', in which byte " + std::to_string(begin) + " cannot be reached");
  }
}

ZipArchive::Reader::~Reader() { zip_fclose(file_); }

void ZipArchive::Reader::next(std::span<char> out) {
  EL_ASSERT(out.size() <= left_);
  std::size_t filled = 0;
  while (filled < out.size()) {
    const zip_int64_t got = zip_fread(file_, out.data() + filled, out.size() - filled);
    if (got <= 0) archive_.refuse("has entry '" + name_ + "', which is damaged: " + zip_file_strerror(file_));
    filled += static_cast<std::size_t>(got);
  }
  left_ -= out.size();
  char beyond;  // the checksum is compared when the end is met
  if (left_ == 0 && zip_fread(file_, &beyond, 1) != 0) {
    archive_.refuse("has entry '" + name_ + "', which is damaged: " + zip_file_strerror(file_));
  }
}

}  // namespace energy_lens
