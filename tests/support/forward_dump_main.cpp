// forward_dump <model folder> <request.json> <out.safetensors>: the forward pass for scripts that compare it with other
// implementations. Request: {"sequences": [[ids]], "sites": [names], "dtype": "float32", "alone": false,
// "greedy_steps": 0, "greedy_prompt": 6}; with "alone" also each sequence by itself, under "alone.<row>.<name>"; greedy
// continues the first ids of the first sequence.
#include <cstdio>
#include <map>
#include <set>

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"
#include "energy_lens/io/safetensors.h"
#include "energy_lens/model/model.h"

namespace {

using namespace energy_lens;

class Recorder : public Observer {
 public:
  explicit Recorder(const Json& names) {
    for (const Json& name : names) wanted_.insert(parse_site(name.get<std::string>()));
  }
  bool wants(const SiteRef& site) const override { return wanted_.contains(site); }
  void observe(const SiteRef& site, const at::Tensor& value, const TokenBatch&) override {
    tensors[site_name(site)] = value.clone();
  }
  std::map<std::string, at::Tensor> tensors;

 private:
  std::set<SiteRef> wanted_;
};

using Sequences = std::vector<std::vector<std::int64_t>>;

// Logits and sites of one batch, each name behind `prefix`.
void add_forward(const Model& model, const Sequences& sequences, const Json& sites, const std::string& prefix,
                 std::map<std::string, at::Tensor>& tensors) {
  Recorder recorder(sites);
  ForwardOptions options;
  options.observer = &recorder;
  const ForwardResult result = model.forward(pad_right(sequences), options);
  for (const auto& [name, value] : recorder.tensors) tensors[prefix + name] = value;
  tensors[prefix + "logits"] = result.logits;
}

void dump(const char* folder, const Json& request, const char* out) {
  const bool half = request.value("dtype", "float32") == "bfloat16";
  const auto model = load_model(folder, {.dtype = half ? at::kBFloat16 : at::kFloat});
  const auto sequences = request.at("sequences").get<Sequences>();
  const Json sites = request.value("sites", Json::array());
  std::map<std::string, at::Tensor> tensors;
  add_forward(*model, sequences, sites, "", tensors);
  if (request.value("alone", false)) {
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      add_forward(*model, {sequences[i]}, sites, "alone." + std::to_string(i) + ".", tensors);
    }
  }
  if (const std::int64_t steps = request.value("greedy_steps", 0); steps > 0) {
    const std::vector<std::int64_t>& first = sequences.front();
    const auto prompt = static_cast<std::ptrdiff_t>(request.value("greedy_prompt", first.size()));
    tensors["greedy"] = at::tensor(generate_greedy(*model, {first.begin(), first.begin() + prompt}, steps));
  }
  write_safetensors(out, tensors);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: forward_dump_main MODEL REQUEST.json OUT.safetensors\n");
    return 2;
  }
  try {
    dump(argv[1], read_json(argv[2]), argv[3]);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.kind());
  }
  return 0;
}
