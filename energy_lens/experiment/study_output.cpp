#include "energy_lens/experiment/study_output.h"

#include "energy_lens/io/safetensors.h"
#include "energy_lens/io/staged_folder.h"
#include "energy_lens/report/report.h"

namespace energy_lens {
namespace {

void render_into(const std::filesystem::path& folder, const Json& validated) {
  write_file(folder / "report.md", render_markdown(validated));
  write_file(folder / "report.html", render_html(validated));
}

}  // namespace

void write_study(const std::filesystem::path& folder, const Json& results,
                 const std::map<std::string, at::Tensor>& arrays) {
  const std::string text = results.dump(1) + "\n";
  // The reports are made of what a reader of the file will see: NaN, for one, is null there.
  const Json written = Json::parse(text);
  validate_results(written);
  StagedFolder staged(folder);
  write_file(staged.path() / "results.json", text);
  write_safetensors(staged.path() / "arrays.safetensors", arrays);
  render_into(staged.path(), written);
  staged.commit();
}

void write_reports(const std::filesystem::path& folder, const Json& results) {
  validate_results(results);
  StagedFolder staged(folder);
  render_into(staged.path(), results);
  staged.commit();
}

}  // namespace energy_lens
