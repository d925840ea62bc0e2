// How long work tells its caller where it is, and how the caller stops it. The library prints nothing; apps/ draws.
#pragma once
#include <atomic>
#include <cstdint>
#include <string_view>

namespace energy_lens {

class Progress {
 public:
  virtual ~Progress() = default;
  // A stage replaces the one before it; total is in the stage's own units (documents, permutations).
  virtual void begin(std::string_view stage, std::int64_t total) {}
  virtual void advance(std::int64_t count) {}
  // A line that a person should see, such as that a stopped study goes on.
  virtual void note(std::string_view line) {}

  // Safe from a signal handler. Work notices at its next check and throws Error{Interrupted}.
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  void check() const;

 private:
  std::atomic<bool> cancelled_{false};
};

// Draws nothing. For callers that do not watch; never cancelled.
Progress& no_progress();

}  // namespace energy_lens
