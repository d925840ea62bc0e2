// How to reach a hub and where its files are kept. Filled by the application; this folder reads no environment.
#pragma once
#include <chrono>
#include <filesystem>
#include <string>

namespace energy_lens {

struct HubSettings {
  std::string endpoint = "https://huggingface.co";  // http(s)://host[:port][/path], no slash at the end
  std::filesystem::path cache;                      // holds models--ORG--NAME folders
  std::string token;                                // "" for none; sent to the endpoint's host only
  bool offline = false;
  bool symlinks = true;  // false: snapshots hold the files themselves
  std::chrono::milliseconds metadata_timeout{10000};
  std::chrono::milliseconds download_timeout{10000};  // of connecting, and of silence while bytes should come
  int attempts = 5;                                   // in a row without progress, for failures that may pass
  std::chrono::milliseconds backoff{500};             // before the second attempt; doubles up to 8 s
};

}  // namespace energy_lens
