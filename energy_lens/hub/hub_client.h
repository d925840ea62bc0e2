// The files of one model on a hub: what they are, and their bytes, with patience for failures that pass.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "energy_lens/hub/http.h"
#include "energy_lens/hub/model_id.h"
#include "energy_lens/hub/partial_file.h"
#include "energy_lens/hub/settings.h"

namespace energy_lens {

struct RemoteFile {
  std::string commit;  // 40 hex digits
  std::string etag;    // of the content: SHA-256 (64 hex digits) or git blob name (40)
  std::uint64_t size = 0;
};

class HubClient {
 public:
  // All are used as long as the client lives.
  HubClient(const HubSettings& settings, const ModelId& id, Progress& progress);

  // nullopt when the revision has no such file. Errors: NotFound (network, rights, repository, revision, or an answer
  // that is not a hub's), Interrupted.
  std::optional<RemoteFile> look_up(const std::string& revision, const std::string& file);

  // Fills `part`, from where it stands, with the file's bytes. Errors: those of look_up and of PartialFile.
  void download(const RemoteFile& remote, const std::string& file, PartialFile& part);

 private:
  std::string url_of(const std::string& revision, const std::string& file) const;
  RemoteFile read_metadata(const HttpReply& reply, const std::string& file) const;
  void wait(int failures, const HttpReply& reply) const;
  const HubSettings& settings_;
  const ModelId& id_;
  Progress& progress_;
  HttpClient http_;
};

}  // namespace energy_lens
