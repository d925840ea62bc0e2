// What this machine can do and whether a model is loaded right, as the JSON of `energy-lens doctor`.
#pragma once
#include "energy_lens/experiment/model_choice.h"
#include "energy_lens/io/file.h"

namespace energy_lens {

struct DoctorOutcome {
  Json report;           // schema "energy-lens/doctor/1"
  bool healthy = false;  // every identity holds
};

// The identities are measured on a fixed token sequence of at most 64 ids, so that no tokenizer is needed.
// Errors: those of load_model.
DoctorOutcome run_doctor(const ModelChoice& choice);

}  // namespace energy_lens
