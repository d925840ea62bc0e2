// A small chart as inline SVG: axes with round ticks, and marks in data coordinates. Colours come from the page's CSS
// classes, so one picture serves light and dark. Private to report/.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace energy_lens::report {

struct Range {
  double low = 0.0, high = 1.0;
};

// Smallest range that holds the finite values, widened by 5 %; [0, 1] when there are none.
Range range_of(const std::vector<double>& values);

using Legend = std::vector<std::pair<std::string, std::string>>;  // CSS class and text

class Plot {
 public:
  Plot(std::string label, std::string x_label, std::string y_label, Range x, Range y);

  // css: a class of viewer/report.css. Marks with a coordinate that is not finite are left out.
  void line(const std::vector<double>& x, const std::vector<double>& y, const std::string& css);
  void band(const std::vector<double>& x, const std::vector<double>& low, const std::vector<double>& high);
  void dot(double x, double y, const std::string& css, const std::string& tooltip);
  void whisker(double x, double low, double high);
  void legend(const Legend& entries);  // of dots
  void line_legend(const Legend& entries);
  std::string svg() const;

 private:
  double px(double x) const;
  double py(double y) const;
  std::string axes() const;
  std::string label_, x_label_, y_label_;
  Range x_, y_;
  std::string marks_;
};

// Rows x columns of cells coloured from 0 to `high`; labels stand beside and below. NaN cells stay empty.
std::string heat_map(const std::string& label, const std::vector<std::vector<double>>& values,
                     const std::vector<std::string>& row_labels, const std::vector<std::string>& column_labels,
                     double high);

// 0..1 position of a value in the colour scale from 0 to `high`; what lies above looks like `high`.
double heat(double value, double high);

}  // namespace energy_lens::report
