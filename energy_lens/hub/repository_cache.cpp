#include "energy_lens/hub/repository_cache.h"

#include <unistd.h>

#include <system_error>

#include "energy_lens/core/error.h"
#include "energy_lens/hub/model_id.h"
#include "energy_lens/io/atomic_file.h"
#include "energy_lens/io/file.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;

std::string folder_name(std::string repository) {
  const std::size_t slash = repository.find('/');  // none in "gpt2"
  if (slash != std::string::npos) repository.replace(slash, 1, "--");
  return "models--" + repository;
}

[[noreturn]] void fail_writing(const fs::path& path, const std::string& reason) {
  fail(ErrorKind::Resource, "fetch", path.string() + ": " + reason + "; expected a writable cache folder");
}

// False where links cannot be made here. Under a temporary name first, so that another process never sees a gap.
bool replace_by_link(const fs::path& target, const fs::path& path) {
  const fs::path temporary = path.string() + "." + std::to_string(::getpid()) + ".link";
  std::error_code error;
  fs::create_symlink(target, temporary, error);
  if (error) return false;
  fs::rename(temporary, path, error);
  if (error) fail_writing(path, error.message());
  return true;
}

void copy_into_place(const fs::path& from, const fs::path& path) {
  std::error_code error;
  const fs::path temporary = path.string() + "." + std::to_string(::getpid()) + ".incomplete";
  fs::copy_file(from, temporary, fs::copy_options::overwrite_existing, error);
  if (!error) fs::rename(temporary, path, error);
  if (!error) return;
  const std::string reason = error.message();
  fs::remove(temporary, error);
  fail_writing(path, reason);
}

}  // namespace

RepositoryCache::RepositoryCache(const fs::path& cache, const std::string& repository, bool symlinks)
    : cache_(cache), folder_(cache / folder_name(repository)), symlinks_(symlinks) {}

std::string RepositoryCache::commit_of(const std::string& revision) const {
  if (is_commit(revision)) return revision;
  const fs::path path = folder_ / "refs" / revision;
  std::error_code error;
  if (!fs::is_regular_file(path, error) || fs::file_size(path, error) == 0) return "";
  std::string text = read_file(path, 4096);
  text.erase(text.find_last_not_of(" \r\n") + 1);
  return is_commit(text) ? text : "";
}

fs::path RepositoryCache::snapshot(const std::string& commit) const { return folder_ / "snapshots" / commit; }

bool RepositoryCache::has(const std::string& commit, const std::string& file) const {
  std::error_code error;
  return fs::is_regular_file(snapshot(commit) / file, error);
}

bool RepositoryCache::knows_absent(const std::string& commit, const std::string& file) const {
  std::error_code error;
  return fs::is_regular_file(folder_ / ".no_exist" / commit / file, error);
}

fs::path RepositoryCache::blob(const std::string& etag) const { return folder_ / "blobs" / etag; }

fs::path RepositoryCache::lock(const std::string& etag) const {
  return cache_ / ".locks" / folder_.filename() / (etag + ".lock");
}

void RepositoryCache::remember_commit(const std::string& revision, const std::string& commit) const {
  if (revision != commit && commit_of(revision) != commit) write_file(folder_ / "refs" / revision, commit);
}

void RepositoryCache::remember_absent(const std::string& commit, const std::string& file) const {
  write_file(folder_ / ".no_exist" / commit / file, "");
}

void RepositoryCache::publish(const std::string& etag, const std::string& commit, const std::string& file,
                              bool is_new) const {
  const fs::path path = snapshot(commit) / file;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) fail_writing(path.parent_path(), error.message());
  if (symlinks_ && replace_by_link(fs::path("../../blobs") / etag, path)) return;
  if (is_new) {
    fs::rename(blob(etag), path, error);
    if (error) fail_writing(path, error.message());
  } else {
    copy_into_place(blob(etag), path);
  }
}

void RepositoryCache::tag() const {
  const fs::path path = cache_ / "CACHEDIR.TAG";
  std::error_code error;
  if (fs::exists(path, error)) return;
  write_file(path,
             "Signature: 8a477f597d28d172789f06886806bc55\n"
             "# This folder holds files that can be downloaded again; backups may leave it out.\n"
             "# See https://bford.info/cachedir/\n");
}

}  // namespace energy_lens
