// A whole program from its start to its end. params: {"command": a shell command that writes JSON to $OUT}; answer: the
// numbers of its "energy".
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "benchmarks/ours/work.h"
#include "energy_lens/core/error.h"

namespace energy_lens::bench {
namespace {

class Command : public Work {
 public:
  void prepare(const Json& params, const Tensors&) override {
    const auto out = std::filesystem::temp_directory_path() / ("el_command_" + std::to_string(::getpid()) + ".json");
    out_ = out.string();
    command_ = "OUT='" + out_ + "'; " + params.at("command").get<std::string>();
  }
  ~Command() override { std::filesystem::remove(out_); }

  void run() override {
    const int status = std::system(command_.c_str());
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail(ErrorKind::Internal, "bench_worker", "the command failed");
  }

  Tensors answer() override {
    std::vector<double> energies;
    for (const Json& text : read_json(out_).at("texts")) {
      for (const Json& layer : text.at("energy")) {
        for (const Json& energy : layer) energies.push_back(energy.get<double>());
      }
    }
    return {{"energy", at::tensor(energies, at::kDouble)}};
  }

 private:
  std::string out_, command_;
};

}  // namespace

std::unique_ptr<Work> make_command() { return std::make_unique<Command>(); }

}  // namespace energy_lens::bench
