// --profile FILE: the run's spans as a Chrome trace (open it in chrome://tracing or ui.perfetto.dev).
#pragma once
#include <memory>
#include <string>

#include "energy_lens/core/trace.h"

namespace energy_lens::cli {

class Profile {
 public:
  // Records from now on when file is not empty.
  void start(const std::string& file);
  // Writes what was recorded. Errors: Resource (not writable).
  void finish();
  // The same after a failed run, whose own error is the one to report.
  void finish_quietly();

 private:
  std::string file_;
  std::unique_ptr<TraceRecorder> recorder_;
};

}  // namespace energy_lens::cli
