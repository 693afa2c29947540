// C++ exceptions: the unwinder, destructors on the way, rethrow, a type that nobody catches.
#include <cstdio>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

int destroyed = 0;

struct Guard {
  explicit Guard(int value) : value(value) {}
  ~Guard() { destroyed += value; }
  int value;
};

struct Odd : std::runtime_error {
  explicit Odd(int value) : std::runtime_error("odd " + std::to_string(value)), value(value) {}
  int value;
};

__attribute__((noinline)) int descend(int depth) {
  Guard guard(depth);
  if (depth == 0) throw Odd(7);
  try {
    return descend(depth - 1) + 1;
  } catch (const std::logic_error &) {
    return -1;
  }
}

__attribute__((noinline)) int again(int depth) {
  try {
    return descend(depth);
  } catch (const Odd &odd) {
    if (depth % 2 == 1) throw;
    return odd.value;
  }
}

struct Shape {
  virtual ~Shape() = default;
  virtual double area() const = 0;
};
struct Square : Shape {
  explicit Square(double side) : side(side) {}
  double area() const override { return side * side; }
  double side;
};
struct Disk : Shape {
  double area() const override { throw std::domain_error("no area"); }
};

}  // namespace

int main(int argc, char **) {
  int caught = 0;
  for (int depth = 0; depth < 20; depth++) {
    try {
      std::printf("%d ", again(depth));
    } catch (const std::exception &error) {
      caught++;
      std::printf("(%s) ", error.what());
    }
  }
  std::printf("\ncaught %d, destroyed %d\n", caught, destroyed);
  std::vector<std::unique_ptr<Shape>> shapes;
  for (int i = 0; i < 5; i++) {
    if (i == 3) shapes.push_back(std::make_unique<Disk>());
    else shapes.push_back(std::make_unique<Square>(i));
  }
  std::map<std::string, double> areas;
  for (const auto &shape : shapes) {
    try {
      areas["area " + std::to_string(areas.size())] = shape->area();
    } catch (const std::domain_error &error) {
      areas[error.what()] = -1;
    }
  }
  for (const auto &[name, area] : areas) std::printf("%s: %.1f\n", name.c_str(), area);
  std::fflush(stdout);
  if (argc > 1) throw 42;
  return 5;
}
