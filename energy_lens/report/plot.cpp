#include "energy_lens/report/plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "energy_lens/io/utf8.h"
#include "energy_lens/report/format.h"

namespace energy_lens::report {
namespace {

constexpr double kLegendLine = 18;  // three lines of legend stand above the marks, where they hide none
constexpr double kWidth = 640, kHeight = 388, kLeft = 62, kRight = 14, kTop = 8 + 3 * kLegendLine, kBottom = 48;

std::string coordinate(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string text_at(double x, double y, const char* anchor, const std::string& text, const std::string& extra = "") {
  return "<text x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\" text-anchor=\"" + anchor + "\"" + extra + ">" +
         escape_html(text) + "</text>";
}

std::string segment(double x1, double y1, double x2, double y2, const char* css) {
  return "<line class=\"" + std::string(css) + "\" x1=\"" + coordinate(x1) + "\" y1=\"" + coordinate(y1) + "\" x2=\"" +
         coordinate(x2) + "\" y2=\"" + coordinate(y2) + "\"/>";
}

// 1, 2 or 5 times a power of ten, for about five ticks.
double tick_step(Range range) {
  const double rough = (range.high - range.low) / 5;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10 * power;
}

std::vector<double> ticks(Range range) {
  std::vector<double> values;
  const double step = tick_step(range);
  for (double i = std::ceil(range.low / step); i * step <= range.high + 1e-9 * step; ++i)
    values.push_back(i * step + 0.0);
  return values;
}

// mark(css, y): what stands before the text of an entry, at height y.
template <class Mark>
std::string legend_lines(const Legend& entries, const Mark& mark) {
  std::string lines;
  double y = 14;
  for (const auto& [css, text] : entries) {
    lines += mark(css, y - 4) + text_at(kLeft + 30, y, "start", text);
    y += kLegendLine;
  }
  return lines;
}

}  // namespace

Range range_of(const std::vector<double>& values) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (!(low <= high)) return {};
  const double margin = high > low ? 0.05 * (high - low) : std::max(0.5, std::abs(high) * 0.1);
  return {low - margin, high + margin};
}

Plot::Plot(std::string label, std::string x_label, std::string y_label, Range x, Range y)
    : label_(std::move(label)), x_label_(std::move(x_label)), y_label_(std::move(y_label)), x_(x), y_(y) {}

double Plot::px(double x) const { return kLeft + (x - x_.low) / (x_.high - x_.low) * (kWidth - kLeft - kRight); }
double Plot::py(double y) const {
  return kHeight - kBottom - (y - y_.low) / (y_.high - y_.low) * (kHeight - kTop - kBottom);
}

void Plot::line(const std::vector<double>& x, const std::vector<double>& y, const std::string& css) {
  std::string points;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isfinite(x[i]) && std::isfinite(y[i])) points += coordinate(px(x[i])) + "," + coordinate(py(y[i])) + " ";
  }
  marks_ += "<polyline class=\"" + css + "\" points=\"" + points + "\"/>";
}

void Plot::band(const std::vector<double>& x, const std::vector<double>& low, const std::vector<double>& high) {
  std::string points;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isfinite(high[i])) points += coordinate(px(x[i])) + "," + coordinate(py(high[i])) + " ";
  }
  for (std::size_t i = x.size(); i-- > 0;) {
    if (std::isfinite(low[i])) points += coordinate(px(x[i])) + "," + coordinate(py(low[i])) + " ";
  }
  marks_ += "<polygon class=\"band\" points=\"" + points + "\"/>";
}

void Plot::dot(double x, double y, const std::string& css, const std::string& tooltip) {
  if (!std::isfinite(x) || !std::isfinite(y)) return;
  marks_ += "<circle class=\"" + css + "\" cx=\"" + coordinate(px(x)) + "\" cy=\"" + coordinate(py(y)) +
            "\" r=\"4\"><title>" + escape_html(tooltip) + "</title></circle>";
}

void Plot::whisker(double x, double low, double high) {
  if (!std::isfinite(x) || !std::isfinite(low) || !std::isfinite(high)) return;
  marks_ += segment(px(x), py(std::max(low, y_.low)), px(x), py(std::min(high, y_.high)), "whisker");
}

void Plot::legend(const Legend& entries) {
  marks_ += legend_lines(entries, [](const std::string& css, double y) {
    return "<circle class=\"" + css + "\" cx=\"" + coordinate(kLeft + 12) + "\" cy=\"" + coordinate(y) + "\" r=\"4\"/>";
  });
}

void Plot::line_legend(const Legend& entries) {
  marks_ += legend_lines(entries, [](const std::string& css, double y) {
    return "<polyline class=\"" + css + "\" points=\"" + coordinate(kLeft) + "," + coordinate(y) + " " +
           coordinate(kLeft + 24) + "," + coordinate(y) + "\"/>";
  });
}

std::string Plot::axes() const {
  std::string result;
  for (const double value : ticks(x_)) {
    result += segment(px(value), kTop, px(value), kHeight - kBottom, "grid") +
              text_at(px(value), kHeight - kBottom + 17, "middle", show(value));
  }
  for (const double value : ticks(y_)) {
    result += segment(kLeft, py(value), kWidth - kRight, py(value), "grid") +
              text_at(kLeft - 7, py(value) + 4, "end", show(value));
  }
  const double middle = (kTop + kHeight - kBottom) / 2;
  return result + text_at((kLeft + kWidth) / 2, kHeight - 8, "middle", x_label_) +
         text_at(15, middle, "middle", y_label_, " transform=\"rotate(-90 15 " + coordinate(middle) + ")\"");
}

std::string Plot::svg() const {
  return "<svg class=\"plot\" viewBox=\"0 0 " + coordinate(kWidth) + " " + coordinate(kHeight) +
         "\" role=\"img\" aria-label=\"" + escape_html(label_) + "\">" + axes() + marks_ + "</svg>";
}

double heat(double value, double high) { return std::clamp(value / high, 0.0, 1.0); }

namespace {

// "layer" over the row labels, then the colours from 0 to `high` and above.
std::string colour_scale(double high) {
  std::string svg = text_at(28, 14, "end", "layer") + text_at(58, 14, "end", "0");
  for (int step = 0; step <= 10; ++step) {
    svg += "<rect style=\"--e:" + show(step / 10.0) + "\" x=\"" + coordinate(62 + 12.0 * step) +
           "\" y=\"4\" width=\"12\" height=\"12\"></rect>";
  }
  return svg + text_at(200, 14, "start", "\u2265 " + show(high, 3) + " nats");
}

// Pixels that the longest label takes to the right and below when it is written at 45 degrees.
double slanted_extent(const std::vector<std::string>& labels) {
  constexpr double kCharacter = 6.5, kSlant = 0.71, kText = 12;
  std::size_t longest = 0;
  for (const std::string& label : labels) longest = std::max(longest, utf8_length(label));
  return kText + kSlant * kCharacter * static_cast<double>(longest);
}

}  // namespace

std::string heat_map(const std::string& label, const std::vector<std::vector<double>>& values,
                     const std::vector<std::string>& row_labels, const std::vector<std::string>& column_labels,
                     double high) {
  constexpr double kCell = 26, kRowHeight = 16, kScale = 26, kLeastWidth = 300;
  const double below = slanted_extent(column_labels);
  const double width =
      std::max(kLeastWidth, 34 + kCell * static_cast<double>(column_labels.size()) + below - kCell / 2);
  const double height = kScale + kRowHeight * static_cast<double>(values.size()) + below + 6;
  std::string svg = "<svg class=\"heat\" width=\"" + coordinate(width) + "\" height=\"" + coordinate(height) +
                    "\" role=\"img\" aria-label=\"" + escape_html(label) + "\">" + colour_scale(high);
  for (std::size_t r = 0; r < values.size(); ++r) {
    const double y = kScale + kRowHeight * static_cast<double>(values.size() - 1 - r);  // the last layer on top
    svg += text_at(28, y + 12, "end", row_labels[r]);
    for (std::size_t c = 0; c < values[r].size(); ++c) {
      if (!std::isfinite(values[r][c])) continue;
      char shade[16];
      std::snprintf(shade, sizeof shade, "%.3f", heat(values[r][c], high));
      svg += "<rect style=\"--e:" + std::string(shade) + "\" x=\"" + coordinate(34 + kCell * static_cast<double>(c)) +
             "\" y=\"" + coordinate(y) + "\" width=\"25\" height=\"15\"><title>layer " + escape_html(row_labels[r]) +
             ", " + escape_html(column_labels[c]) + ": " + show(values[r][c]) + " nats</title></rect>";
    }
  }
  for (std::size_t c = 0; c < column_labels.size(); ++c) {
    const double x = 34 + kCell * static_cast<double>(c) + 12,
                 y = kScale + kRowHeight * static_cast<double>(values.size()) + 12;
    svg += text_at(x, y, "start", column_labels[c],
                   " transform=\"rotate(45 " + coordinate(x) + " " + coordinate(y) + ")\"");
  }
  return svg + "</svg>";
}

}  // namespace energy_lens::report
