// The pickle of a torch.save file as a list of tensors.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "energy_lens/io/torch_file.h"

namespace energy_lens {

// pickle: data.pkl. storage_prefix: put before every storage's key. what: names the file in errors.
// Errors: BadInput (pickle.h's; malformed, overlapping or absurd tensors; dictionaries that contain themselves).
std::map<std::string, TorchTensor> read_torch_state(std::vector<char> pickle, const std::string& storage_prefix,
                                                    const std::string& what);

}  // namespace energy_lens
