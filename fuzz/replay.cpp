// Runs every target over its committed corpus, and over each file of it cut short and with bytes
// changed, the same ones every time; needs no fuzzer. usage: fuzz_replay CORPUS [SECONDS]
// With SECONDS it goes on with further changes for so long in each target.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz/targets.h"

namespace {

using Content = std::vector<char>;

std::vector<Content> read_folder(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Content> contents;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    contents.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return contents;
}

// One to four bytes set to something else, sometimes the end cut off.
Content changed(Content content, std::mt19937_64& random) {
  if (content.empty()) return content;
  if (random() % 4 == 0) content.resize(random() % content.size() + 1);
  for (std::uint64_t i = random() % 4 + 1; i > 0; --i)
    content[random() % content.size()] = static_cast<char>(random());
  return content;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::cerr << "usage: fuzz_replay CORPUS [SECONDS]\n";
    return 2;
  }
  const std::chrono::duration<double> extra(count > 2 ? std::atof(arguments[2]) : 0);
  constexpr int kChanges = 200;  // of each file
  for (const ofer::fuzz::Target& target : ofer::fuzz::kTargets) {
    const std::vector<Content> corpus =
        read_folder(std::filesystem::path(arguments[1]) / target.name);
    if (corpus.empty()) {
      std::cerr << target.name << ": its corpus is empty\n";
      return 1;
    }
    std::mt19937_64 random(1);
    std::size_t runs = 0;
    const auto run = [&](const Content& content) {
      target.run(std::as_bytes(std::span(content)));
      ++runs;
    };
    for (const Content& content : corpus) {
      run(content);
      for (int i = 0; i < kChanges; ++i) run(changed(content, random));
    }
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begin < extra)
      run(changed(corpus[random() % corpus.size()], random));
    std::cout << target.name << ": " << corpus.size() << " files, " << runs << " runs\n";
  }
}
