// What a study's numbers say about the claims of the public prototype, and what a reader must be warned of.
#pragma once
#include "energy_lens/io/file.h"

namespace energy_lens {

// results.errata: the prototype's claim, what its own code and JSON show, and what was measured here.
Json errata_section(const Json& results);

// Plain sentences for the head of the report: few samples, underpowered splits, a small model.
Json warnings_section(const Json& results);

}  // namespace energy_lens
