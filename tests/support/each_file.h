// What programs driven by scripts do with every file named on their command line.
#pragma once
#include <cstdio>
#include <fstream>
#include <string>

#include "energy_lens/core/error.h"

namespace energy_lens::testing {

// Not getrusage(), which counts the parent's memory at the time it started us. -1 where /proc is not there.
inline long peak_kilobytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stol(line.substr(6));
  }
  return -1;
}

// For each of argv[2], argv[3], ... one line: "0" when take(path) returned, or the error's exit code and message. Then
// "peak <kB>", the most memory that was resident.
template <typename Take>
int each_file(int argc, char** argv, Take take) {
  for (int i = 2; i < argc; ++i) {
    try {
      take(argv[i]);
      std::printf("0\n");
    } catch (const Error& error) {
      std::printf("%d %s\n", static_cast<int>(error.kind()), error.what());
    }
    std::fflush(stdout);
  }
  std::printf("peak %ld\n", peak_kilobytes());
  return 0;
}

}  // namespace energy_lens::testing
