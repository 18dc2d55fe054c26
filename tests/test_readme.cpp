// README's example of the library, as it stands there: it compiles, it runs, and it is the same text.
#include <doctest/doctest.h>

#include <filesystem>
#include <sstream>

#include "engine/image_io.h"
#include "ofer/pipeline.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_config.h"
#include "weights/weight_file.h"

namespace ofer {
namespace {

int used = 0;

void use(const std::string& label, const std::vector<float>& probabilities,
         const std::vector<std::uint8_t>& occluded) {
  CHECK_FALSE(label.empty());
  CHECK_FALSE(probabilities.empty());
  CHECK_FALSE(occluded.empty());
  ++used;
}

void example() {
  auto network = ofer::Network::load("small.safetensors");  // share it among threads
  ofer::Pipeline pipeline(network, {});                     // one per thread
  std::vector<ofer::Image> images = {ofer::load_image("face.jpg")};
  for (const ofer::Result& r : pipeline.run(images, {}))
    use(network->labels()[r.label], r.probabilities, r.occluded);
}

std::string without_indent(const std::string& line) {
  const std::size_t begin = line.find_first_not_of(' ');
  return begin == std::string::npos ? "" : line.substr(begin);
}

// The lines of README's first block of C++.
std::vector<std::string> block() {
  std::istringstream readme(test::content_of(OFER_SOURCE_DIR "/README.md"));
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
    const test::TemporaryFolder folder;
    write_initial_weights(test::tiny_config(), 1, folder / "small.safetensors");
    std::filesystem::copy_file(OFER_SOURCE_DIR "/tests/fixtures/images/baseline.jpg",
                               folder / "face.jpg");
    const std::filesystem::path before = std::filesystem::current_path();
    std::filesystem::current_path(folder / "");
    used = 0;
    CHECK_NOTHROW(example());
    std::filesystem::current_path(before);
    CHECK(used == 1);
  }

  TEST_CASE("README has the example's lines, in their order") {
    std::istringstream source(
        test::content_of(OFER_SOURCE_DIR "/tests/test_readme.cpp"));
    const std::vector<std::string> wanted = block();
    CHECK(wanted.size() >= 5);
    std::size_t found = 0;
    for (std::string line; found < wanted.size() && std::getline(source, line);)
      if (without_indent(line) == wanted[found]) ++found;
    INFO("not in tests/test_readme.cpp: ", found < wanted.size() ? wanted[found] : "");
    CHECK(found == wanted.size());
  }
}

}  // namespace ofer
