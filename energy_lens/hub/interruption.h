// Stopping a download on request.
#pragma once
#include "energy_lens/core/error.h"
#include "energy_lens/core/progress.h"

namespace energy_lens {

// Errors: Interrupted. Unlike other work, a download leaves its unfinished file on purpose.
inline void stop_if_asked(const Progress& progress) {
  try {
    progress.check();
  } catch (const Error& error) {
    fail(error.kind(), "fetch",
         "stopped on request; what came so far is kept, and the same command goes on from there");
  }
}

}  // namespace energy_lens
