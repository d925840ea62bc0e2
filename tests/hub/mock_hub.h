// Starts tests/hub/mock_hub.py for one test, and settings that point to it with a cache of their own.
#pragma once
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "energy_lens/core/error.h"
#include "energy_lens/hub/http.h"
#include "energy_lens/hub/settings.h"
#include "energy_lens/io/json_check.h"

namespace energy_lens::testing {

class MockHub {
 public:
  MockHub() {
    char folder[] = "/tmp/el_hub_XXXXXX";
    EL_ASSERT(::mkdtemp(folder) != nullptr);
    settings.cache = std::filesystem::path(folder) / "hub";
    settings.attempts = 3;
    settings.backoff = std::chrono::milliseconds(5);
    settings.metadata_timeout = settings.download_timeout = std::chrono::milliseconds(1000);
    start();
  }
  ~MockHub() {
    ::kill(process_, SIGTERM);
    ::waitpid(process_, nullptr, 0);
    ::close(keeps_it_alive_);
    std::filesystem::remove_all(settings.cache.parent_path());
  }

  // Every request so far: method, path, host, authorization, range, encoding.
  Json log() {
    Collected body;
    HubSettings plain;
    plain.endpoint = settings.endpoint;
    HttpClient(plain, no_progress()).get(settings.endpoint + "/log", 0, body);
    return parse_json(body.text, "log");
  }

  HubSettings settings;

  struct Collected : HttpBody {
    void start(bool) override {}
    void write(std::string_view bytes) override { text += bytes; }
    std::string text;
  };

 private:
  void start() {
    int to_child[2], from_child[2];
    EL_ASSERT(::pipe(to_child) == 0 && ::pipe(from_child) == 0);
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(to_child[0], 0);
      ::dup2(from_child[1], 1);
      for (const int descriptor : {to_child[0], to_child[1], from_child[0], from_child[1]}) ::close(descriptor);
      ::execl(EL_PYTHON, EL_PYTHON, EL_SOURCE_DIR "/tests/hub/mock_hub.py", nullptr);
      ::_exit(127);
    }
    ::close(to_child[0]);
    ::close(from_child[1]);
    keeps_it_alive_ = to_child[1];
    std::string port;
    for (char c = 0; ::read(from_child[0], &c, 1) == 1 && c != '\n';) port += c;
    ::close(from_child[0]);
    EL_ASSERT(!port.empty());
    settings.endpoint = "http://127.0.0.1:" + port;
  }

  pid_t process_ = -1;
  int keeps_it_alive_ = -1;
};

}  // namespace energy_lens::testing
