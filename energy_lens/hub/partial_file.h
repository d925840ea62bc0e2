// A blob on its way: <etag>.<random>.incomplete beside the place where it will be. Bytes that have come stay there for
// a later run when the object goes.
#pragma once
#include <filesystem>
#include <string>

#include "energy_lens/core/progress.h"
#include "energy_lens/hub/http.h"
#include "energy_lens/io/descriptor.h"
#include "energy_lens/io/hasher.h"

namespace energy_lens {

class PartialFile : public HttpBody {
 public:
  // blob: the final path, named by the digest the content must have: 64 hex digits for its SHA-256, 40 for its git blob
  // name. adopt: go on with what an earlier run left, which only the holder of the blob's lock may do.
  // title: the progress stage. Errors: Resource (not writable, or less room than `size` needs), Interrupted.
  PartialFile(const std::filesystem::path& blob, std::uint64_t size, bool adopt, std::string title, Progress& progress);

  // HttpBody. Errors: Resource (disk), BadInput (more bytes than announced).
  void start(bool resumed) override;
  void write(std::string_view bytes) override;

  std::uint64_t size() const { return size_; }
  bool is_complete() const { return size_ == expected_size_; }
  bool was_resumed() const { return resumed_; }
  // Drops all bytes; the next ones are the first.
  void restart();
  // Begins a progress stage that already stands at size().
  void announce(const std::string& note);

  // Once complete. True: the content is what the blob's name says, and it is now at the blob's path. False: it is not,
  // and nothing is left.
  bool commit();

 private:
  bool adopt_earlier();
  void read_again();
  void reset_hasher();
  void require_room() const;
  [[noreturn]] void fail_here(const char* doing) const;

  struct OpenFile {
    ~OpenFile();
    std::filesystem::path path;
    Descriptor descriptor{};
    bool has_bytes = false;  // else it is removed
  };
  std::filesystem::path blob_;
  OpenFile file_;
  std::uint64_t expected_size_, size_ = 0;
  std::string title_;
  Progress& progress_;
  Hasher hasher_;
  bool resumed_ = false;
};

}  // namespace energy_lens
