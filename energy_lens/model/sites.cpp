#include "energy_lens/model/sites.h"

#include <array>
#include <charconv>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

struct SiteName {
  Site site;
  bool per_layer;
  std::string_view name;  // after "blocks.{l}." where per_layer
};

// In the order the forward pass reaches them.
constexpr std::array<SiteName, 14> kNames = {{{Site::Embed, false, "hook_embed"},
                                              {Site::PosEmbed, false, "hook_pos_embed"},
                                              {Site::ResidPre, true, "hook_resid_pre"},
                                              {Site::Q, true, "attn.hook_q"},
                                              {Site::K, true, "attn.hook_k"},
                                              {Site::V, true, "attn.hook_v"},
                                              {Site::Pattern, true, "attn.hook_pattern"},
                                              {Site::Z, true, "attn.hook_z"},
                                              {Site::AttnOut, true, "hook_attn_out"},
                                              {Site::ResidMid, true, "hook_resid_mid"},
                                              {Site::MlpPost, true, "mlp.hook_post"},
                                              {Site::MlpOut, true, "hook_mlp_out"},
                                              {Site::ResidPost, true, "hook_resid_post"},
                                              {Site::FinalNorm, false, "ln_final.hook_normalized"}}};

[[noreturn]] void unknown_site(std::string_view name) {
  std::string list;
  for (const SiteName& entry : kNames) {
    list += std::string(list.empty() ? "" : ", ") + (entry.per_layer ? "blocks.{l}." : "") + std::string(entry.name);
  }
  fail(ErrorKind::Usage, "parse_site", "got '" + std::string(name) + "', expected one of " + list);
}

}  // namespace

std::string site_name(const SiteRef& ref) {
  for (const SiteName& entry : kNames) {
    if (entry.site != ref.site) continue;
    const std::string prefix = entry.per_layer ? "blocks." + std::to_string(ref.layer) + "." : "";
    return prefix + std::string(entry.name);
  }
  EL_ASSERT(!"every site has a name");
  return {};
}

SiteRef parse_site(std::string_view name) {
  std::string_view rest = name;
  SiteRef ref{};
  const bool per_layer = rest.starts_with("blocks.");
  if (per_layer) {
    rest.remove_prefix(7);
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), ref.layer);
    if (parsed.ec != std::errc() || ref.layer < 0) unknown_site(name);
    rest.remove_prefix(static_cast<std::size_t>(parsed.ptr - rest.data()));
    if (!rest.starts_with(".")) unknown_site(name);
    rest.remove_prefix(1);
  }
  for (const SiteName& entry : kNames) {
    if (entry.per_layer == per_layer && entry.name == rest) {
      ref.site = entry.site;
      return ref;
    }
  }
  unknown_site(name);
}

std::vector<SiteRef> all_sites(std::int64_t n_layers) {
  std::vector<SiteRef> sites = {{Site::Embed}, {Site::PosEmbed}};
  for (std::int64_t layer = 0; layer < n_layers; ++layer) {
    for (const SiteName& entry : kNames) {
      if (entry.per_layer) sites.push_back({entry.site, layer});
    }
  }
  sites.push_back({Site::FinalNorm});
  return sites;
}

}  // namespace energy_lens
