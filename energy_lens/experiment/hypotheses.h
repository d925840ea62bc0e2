// What a study's numbers say about the statements that were fixed before it ran.
#pragma once
#include "energy_lens/io/file.h"

namespace energy_lens {

// results.hypotheses, from the finished sections of `results` alone. A statement that needs something this study does
// not do is "not run" and says why; one that has too few documents, or an undefined number, is "underpowered", never
// "refuted".
Json hypotheses_section(const Json& results);

}  // namespace energy_lens
