// Draws the library's progress on a terminal, and turns Ctrl-C into a clean stop.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "energy_lens/core/progress.h"

namespace energy_lens::cli {

// While one lives, SIGINT and SIGTERM cancel it. At most one at a time.
class ProgressBar : public Progress {
 public:
  // notes: whether what a person should read is printed; on a terminal or not, for logs are read, too.
  explicit ProgressBar(bool draw, bool notes = false);
  ~ProgressBar() override;
  void begin(std::string_view stage, std::int64_t total) override;
  void advance(std::int64_t count) override;
  void note(std::string_view line) override;

 private:
  void paint(bool force);
  void finish_line();
  void print_stage() const;
  bool draw_, notes_;
  std::string stage_;
  std::int64_t total_ = 0, done_ = 0;
  std::chrono::steady_clock::time_point started_, painted_;
};

// True when stderr is a terminal and the user did not turn progress off.
bool wants_progress(const std::string& mode, bool quiet);

}  // namespace energy_lens::cli
