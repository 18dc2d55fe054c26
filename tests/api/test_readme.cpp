// README's example of the library, as it stands there: it compiles, it runs, and it is the same
// text.
#include <doctest/doctest.h>

#include <fstream>
#include <ofer/ofer.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace ofer_test {

std::string weights_for_hpp();

namespace {

int used = 0;

void use(const std::string& label, const std::vector<float>& probabilities,
         const std::vector<std::uint8_t>& masks) {
  CHECK_FALSE(label.empty());
  CHECK_FALSE(probabilities.empty());
  CHECK_FALSE(masks.empty());
  ++used;
}

void example(const std::string& weights, const std::uint8_t* pixels, int width, int height) {
  const auto model = ofer::Model::load(weights);  // share it among threads
  ofer::Session session(model);                   // one per thread
  const auto results = session.analyse({ofer::image(pixels, width, height)});
  use(model.label(results.labels[0]), results.probabilities, results.masks);
}

std::string without_indent(const std::string& line) {
  const std::size_t begin = line.find_first_not_of(' ');
  return begin == std::string::npos ? "" : line.substr(begin);
}

// The lines of README's first block of C++.
std::vector<std::string> block() {
  std::ifstream readme(OFER_SOURCE_DIR "/README.md");
  std::vector<std::string> lines;
  bool inside = false;
  for (std::string line; std::getline(readme, line);) {
    if (inside && line == "```") break;
    if (inside && !line.empty()) lines.push_back(without_indent(line));
    if (line == "```cpp") inside = true;
  }
  return lines;
}

}  // namespace

TEST_SUITE("readme") {
  TEST_CASE("the example runs") {
    const std::vector<std::uint8_t> pixels(20 * 30 * 3, 77);
    used = 0;
    CHECK_NOTHROW(example(weights_for_hpp(), pixels.data(), 20, 30));
    CHECK(used == 1);
  }

  TEST_CASE("README has the example's lines, in their order") {
    std::ifstream source(OFER_SOURCE_DIR "/tests/api/test_readme.cpp");
    const std::vector<std::string> wanted = block();
    CHECK(wanted.size() >= 5);
    std::size_t found = 0;
    for (std::string line; found < wanted.size() && std::getline(source, line);)
      if (without_indent(line) == wanted[found]) ++found;
    INFO("not in tests/api/test_readme.cpp: ", found < wanted.size() ? wanted[found] : "");
    CHECK(found == wanted.size());
  }
}

}  // namespace ofer_test
