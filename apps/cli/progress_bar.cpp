#include "apps/cli/progress_bar.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "energy_lens/core/trace.h"

namespace energy_lens::cli {
namespace {

Progress* active = nullptr;

void on_signal(int) {
  if (active != nullptr) active->cancel();
  // A second Ctrl-C ends the program at once.
  std::signal(SIGINT, SIG_DFL);
}

double seconds(std::chrono::steady_clock::duration span) { return std::chrono::duration<double>(span).count(); }

}  // namespace

ProgressBar::ProgressBar(bool draw, bool notes) : draw_(draw), notes_(notes) {
  active = this;
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

ProgressBar::~ProgressBar() {
  finish_line();
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  active = nullptr;
}

void ProgressBar::begin(std::string_view stage, std::int64_t total) {
  finish_line();
  stage_ = stage;
  total_ = total;
  done_ = 0;
  started_ = std::chrono::steady_clock::now();
  paint(true);
}

void ProgressBar::advance(std::int64_t count) {
  done_ += count;
  paint(false);
}

void ProgressBar::note(std::string_view line) {
  if (!notes_) return;
  finish_line();
  std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
}

void ProgressBar::paint(bool force) {
  const auto now = std::chrono::steady_clock::now();
  if (!draw_ || (!force && seconds(now - painted_) < 0.1)) return;
  painted_ = now;
  const int width = 28;
  const double share = total_ > 0 ? static_cast<double>(done_) / static_cast<double>(total_) : 0.0;
  const int filled = static_cast<int>(share * width);
  std::fprintf(stderr, "\r\033[K%-34s [%.*s%.*s] %3.0f%%  %.0f s", stage_.c_str(), filled,
               "############################", width - filled, "............................", 100 * share,
               seconds(now - started_));
  std::fflush(stderr);
}

void ProgressBar::finish_line() {
  if (stage_.empty()) return;
  if (TraceRecorder* recorder = TraceRecorder::active()) recorder->add(stage_, started_);
  if (draw_) print_stage();
  stage_.clear();
}

void ProgressBar::print_stage() const {
  std::fprintf(stderr, "\r\033[K%-34s %.1f s\n", stage_.c_str(), seconds(std::chrono::steady_clock::now() - started_));
}

bool wants_progress(const std::string& mode, bool quiet) {
  return !quiet && mode == "auto" && isatty(STDERR_FILENO) != 0;
}

}  // namespace energy_lens::cli
