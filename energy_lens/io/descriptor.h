// An open file of the system, closed when the object goes.
#pragma once
#include <unistd.h>

#include <utility>

namespace energy_lens {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}  // what open(2) gave; negative: none
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    Descriptor old(std::exchange(value_, std::exchange(other.value_, -1)));
    return *this;
  }
  ~Descriptor() {
    if (is_open()) ::close(value_);
  }

  int get() const { return value_; }
  bool is_open() const { return value_ >= 0; }

 private:
  int value_ = -1;
};

}  // namespace energy_lens
