// Our side of the comparisons: reads one JSON request a line, answers one JSON line. Requests, in this order:
//   {"op": "prepare", "work": NAME, "threads": N, "params": {...}, "inputs": FILE.safetensors}
//   {"op": "run"}                   -> {"seconds": S}
//   {"op": "weigh"}                 -> {"peak_mb": M}: of a run like the last, above what was resident before it
//   {"op": "answer", "file": FILE}  -> writes what the last run computed
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <chrono>
#include <fstream>
#include <iostream>
#include <string>

#include "benchmarks/ours/work.h"
#include "energy_lens/core/error.h"
#include "energy_lens/io/safetensors.h"

namespace {

using energy_lens::Json;

// A field of /proc/self/status, MB; 0 where there is no such file.
double status_mb(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return std::stod(line.substr(field.size() + 1)) / 1024.0;
  }
  return 0.0;
}

void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

std::unique_ptr<energy_lens::bench::Work> prepare(const Json& request) {
  at::set_num_threads(request.at("threads").get<int>());
  const auto file = energy_lens::SafetensorsFile::open(request.at("inputs").get<std::string>());
  energy_lens::bench::Tensors inputs;
  for (const auto& item : file.tensors()) inputs[item.first] = file.view(item.first);
  for (const auto& named : energy_lens::bench::works()) {
    if (named.name != request.at("work").get<std::string>()) continue;
    auto work = named.make();
    work->prepare(request.at("params"), inputs);
    return work;
  }
  energy_lens::fail(energy_lens::ErrorKind::Usage, "bench_worker", "no work named " + request.at("work").dump());
}

Json run(energy_lens::bench::Work& work) {
  const auto started = std::chrono::steady_clock::now();
  work.run();
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - started;
  return {{"seconds", spent.count()}};
}

// Freed memory goes back to the system first: kept for reuse, it would count as there before the run.
Json weigh(energy_lens::bench::Work& work) {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
  reset_peak();
  const double before = status_mb("VmRSS");
  work.run();
  return {{"peak_mb", status_mb("VmHWM") - before}};
}

}  // namespace

int main() {
  const at::NoGradGuard no_grad;
  std::unique_ptr<energy_lens::bench::Work> work;
  try {
    for (std::string line; std::getline(std::cin, line);) {
      const Json request = Json::parse(line);
      const std::string op = request.at("op");
      Json reply = {{"ok", true}};
      if (op == "prepare") work = prepare(request);
      if (op == "run") reply = run(*work);
      if (op == "weigh") reply = weigh(*work);
      if (op == "answer") energy_lens::write_safetensors(request.at("file").get<std::string>(), work->answer());
      std::cout << reply.dump() << std::endl;
    }
  } catch (const std::exception& error) {
    std::cout << Json{{"error", error.what()}}.dump() << std::endl;
    return 1;
  }
}
