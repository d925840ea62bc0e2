// Hook sites: every named intermediate tensor of the forward pass, with TransformerLens's names in every family.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace energy_lens {

// Shapes: [B, T, D] unless said.
enum class Site {
  Embed,      // hook_embed: token embedding (without positions)
  PosEmbed,   // hook_pos_embed
  ResidPre,   // blocks.{l}.hook_resid_pre
  Q,          // blocks.{l}.attn.hook_q        [B, T, H, Dh]
  K,          // blocks.{l}.attn.hook_k        [B, T, H, Dh]
  V,          // blocks.{l}.attn.hook_v        [B, T, H, Dh]
  Pattern,    // blocks.{l}.attn.hook_pattern  [B, H, T, T]
  Z,          // blocks.{l}.attn.hook_z        [B, T, H, Dh]
  AttnOut,    // blocks.{l}.hook_attn_out
  ResidMid,   // blocks.{l}.hook_resid_mid
  MlpPost,    // blocks.{l}.mlp.hook_post      [B, T, M], of all experts side by side where there are any (experts.h)
  MlpOut,     // blocks.{l}.hook_mlp_out
  ResidPost,  // blocks.{l}.hook_resid_post
  FinalNorm,  // ln_final.hook_normalized: (h - mean)/sigma, before gamma and beta
};

struct SiteRef {
  Site site;
  std::int64_t layer = 0;  // 0 for Embed, PosEmbed, FinalNorm
  auto operator<=>(const SiteRef&) const = default;
};

std::string site_name(const SiteRef& site);
// Errors: Usage, listing the names that exist.
SiteRef parse_site(std::string_view name);
// All sites of an n-layer model in the order the forward pass reaches them.
std::vector<SiteRef> all_sites(std::int64_t n_layers);

}  // namespace energy_lens
