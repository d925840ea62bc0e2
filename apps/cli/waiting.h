// How threads of a team wait for each other.
#pragma once

namespace energy_lens::cli {

// Starts this program again, once, with waiting threads told to sleep soon; returns when that is not needed or not
// possible. To be called before anything else.
void wait_without_spinning(char** argv);

}  // namespace energy_lens::cli
