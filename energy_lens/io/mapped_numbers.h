// Numbers that lie in a mapped file.
#pragma once
#include <ATen/ATen.h>

#include <cstddef>

#include "energy_lens/io/mapped_file.h"

namespace energy_lens {

// Copies as many numbers of type `stored` as `out` has, from byte `begin` of the file on, converted, into `out`:
// contiguous. Lets go of each piece of the file that has been read, so that a few MB of it stand in memory at a time.
void copy_numbers(const MappedFile& file, std::size_t begin, at::ScalarType stored, const at::Tensor& out);

}  // namespace energy_lens
