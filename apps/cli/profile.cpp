#include "apps/cli/profile.h"

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"

namespace energy_lens::cli {

void Profile::start(const std::string& file) {
  if (file.empty()) return;
  file_ = file;
  recorder_ = std::make_unique<TraceRecorder>();
}

void Profile::finish() {
  if (recorder_ == nullptr) return;
  Json events = Json::array();
  for (const TraceEvent& event : recorder_->events()) {
    events.push_back({{"name", event.name},
                      {"ph", "X"},
                      {"ts", event.begin_us},
                      {"dur", event.length_us},
                      {"pid", 1},
                      {"tid", event.thread}});
  }
  recorder_.reset();
  write_file(file_, Json{{"traceEvents", events}, {"displayTimeUnit", "ms"}}.dump() + "\n");
}

void Profile::finish_quietly() {
  try {
    finish();
  } catch (const Error&) {
  }
}

}  // namespace energy_lens::cli
