// Discover on split A, confirm on split B: what a discovery is worth on documents it never saw.
#pragma once
#include <cstdint>
#include <vector>

#include "energy_lens/alignment/efas.h"

namespace energy_lens {

struct ReplicationRow {
  std::int64_t feature = 0;
  double r_a = 0.0;  // primary scores
  double r_b = 0.0;
  bool same_sign = false;
  double p_b = 0.0;        // one-sided on B, towards the sign found on A; 1 where B cannot test the feature
  double holm_p_b = 0.0;   // Holm over the rows
  double max_t_b = 0.0;    // single step over every feature tested on B; NaN where untestable
  bool confirmed = false;  // holm_p_b <= level, same sign, and neither split underpowered
};

struct Replication {
  std::vector<ReplicationRow> rows;  // the features discovered on A (BH q <= level), ascending id
  std::int64_t same_sign = 0;
  std::int64_t confirmed = 0;
  double shrinkage = 0.0;  // slope of r_B on r_A through the origin over the rows; below 1 is the winner's curse
  bool underpowered = false;
};

// a and b come from the same dictionary and layer on disjoint documents. Errors: Usage (other dictionary sizes or
// scores).
Replication replicate(const EfasResult& a, const EfasResult& b, double level = 0.05);

}  // namespace energy_lens
