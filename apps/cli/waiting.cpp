#include "apps/cli/waiting.h"

#ifdef __linux__
#include <unistd.h>

#include <cstdlib>
#endif

namespace energy_lens::cli {

#ifdef __linux__
// By default GNU OpenMP's threads spin for milliseconds before they sleep. On a machine that others use, too, they then
// hold the processor that the thread they wait for needs: a small study took 152 s instead of 17 s. The library reads
// its settings while it is loaded, before main, hence the second start. 10,000 turns are about 0.1 ms.
void wait_without_spinning(char** argv) {
  if (std::getenv("GOMP_SPINCOUNT") != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  if (setenv("GOMP_SPINCOUNT", "10000", 1) == 0) execv("/proc/self/exe", argv);
}
#else
void wait_without_spinning(char**) {}
#endif

}  // namespace energy_lens::cli
