// The main job: one corpus and a few texts through every measurement, into results.json and its reports.
#pragma once
#include <filesystem>
#include <string>

#include "energy_lens/core/progress.h"
#include "energy_lens/experiment/study_config.h"

namespace energy_lens {

// What only the program around the library knows.
struct StudyEnvironment {
  std::string version, git_commit, command;
  double (*peak_megabytes)() = nullptr;  // peak memory of the process so far
};

struct StudyOutcome {
  std::filesystem::path folder;
  std::string summary;  // a few lines for a terminal
  double peak_mb = 0.0;
};

// config.model is a folder. Errors: those of the readers and the model; Interrupted: nothing is
// written but finished parts beside `out` (kept_parts.h), with which the same call goes on.
StudyOutcome run_study(const StudyConfig& config, const StudyEnvironment& environment, Progress& progress);

}  // namespace energy_lens
