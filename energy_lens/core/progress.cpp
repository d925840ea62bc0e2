#include "energy_lens/core/progress.h"

#include "energy_lens/core/error.h"

namespace energy_lens {

void Progress::check() const {
  if (cancelled_.load(std::memory_order_relaxed)) {
    fail(ErrorKind::Interrupted, "run", "stopped on request; nothing half-written is left");
  }
}

Progress& no_progress() {
  static Progress silent;
  return silent;
}

}  // namespace energy_lens
