#include "energy_lens/model/site_visits.h"

#include "energy_lens/core/error.h"

namespace energy_lens {

bool SiteVisits::watched(Site site, std::int64_t layer) const {
  const SiteRef ref{site, layer};
  return (options_.observer != nullptr && options_.observer->wants(ref)) ||
         (options_.editor != nullptr && options_.editor->edits(ref));
}

at::Tensor SiteVisits::visit(Site site, std::int64_t layer, const at::Tensor& value) const {
  const SiteRef ref{site, layer};
  at::Tensor result = value;
  if (options_.editor != nullptr && options_.editor->edits(ref)) {
    const at::Tensor local = value.cpu();
    const at::Tensor edited = options_.editor->edit(ref, local, batch_);
    if (edited.sizes() != local.sizes() || edited.scalar_type() != local.scalar_type()) {
      fail(ErrorKind::Usage, "forward", "the editor of " + site_name(ref) + " changed the shape or dtype");
    }
    if (!edited.is_same(local)) result = edited.to(value.device());
  }
  if (options_.observer != nullptr && options_.observer->wants(ref)) {
    options_.observer->observe(ref, result.cpu(), batch_);
  }
  return result;
}

}  // namespace energy_lens
