#include "energy_lens/experiment/study_output.h"

#include "energy_lens/io/safetensors.h"
#include "energy_lens/report/report.h"

namespace energy_lens {

void write_study(const std::filesystem::path& folder, const Json& results,
                 const std::map<std::string, at::Tensor>& arrays) {
  const std::string text = results.dump(1) + "\n";
  // The reports are made of what a reader of the file will see: NaN, for one, is null there.
  const Json written = Json::parse(text);
  validate_results(written);
  write_file(folder / "results.json", text);
  write_safetensors(folder / "arrays.safetensors", arrays);
  write_reports(folder, written);
}

void write_reports(const std::filesystem::path& folder, const Json& results) {
  validate_results(results);
  write_file(folder / "report.md", render_markdown(results));
  write_file(folder / "report.html", render_html(results));
}

}  // namespace energy_lens
