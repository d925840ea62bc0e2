// What a study's numbers say about the hypotheses stated before it ran, and about the claims of the public prototype.
#pragma once
#include "energy_lens/io/file.h"

namespace energy_lens {

// results.hypotheses, from the finished sections of `results` alone. A hypothesis that needs something this study does
// not do says "not run" and why.
Json hypotheses_section(const Json& results);

// results.errata: the prototype's claim, what its own code and JSON show, and what was measured here.
Json errata_section(const Json& results);

// Plain sentences for the head of the report: few samples, underpowered splits, a small model.
Json warnings_section(const Json& results);

}  // namespace energy_lens
