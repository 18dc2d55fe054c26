// threads WEIGHTS PICTURE...: one model, a session for each of four threads, which take pictures
// one by one from a common list. The answers are those of a single thread, bit for bit.
#include <atomic>
#include <cstdio>
#include <exception>
#include <memory>
#include <ofer/ofer.hpp>
#include <string>
#include <thread>
#include <vector>

#define STB_IMAGE_IMPLEMENTATION
#include <stb_image.h>

namespace {

constexpr int kThreads = 4;

struct Free {
  void operator()(unsigned char* pixels) const { stbi_image_free(pixels); }
};

// What a thread does: a session of its own, with one thread of computation.
void work(const ofer::Model& model, const std::vector<std::string>& files,
          std::atomic<std::size_t>& next, std::vector<std::string>& answers) {
  ofer::SessionOptions options;
  options.threads = 1;
  options.largest_batch = 1;
  ofer::Session session(model, options);
  for (std::size_t i; (i = next++) < files.size();) {
    int width = 0, height = 0;
    const std::unique_ptr<unsigned char, Free> pixels(
        stbi_load(files[i].c_str(), &width, &height, nullptr, 3));
    answers[i] =
        pixels ? model.label(session.analyse({ofer::image(pixels.get(), width, height)}).labels[0])
               : "cannot be read";
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: threads WEIGHTS PICTURE...\n");
    return 2;
  }
  try {
    const ofer::Model model = ofer::Model::load(argv[1]);
    const std::vector<std::string> files(argv + 2, argv + argc);
    std::vector<std::string> answers(files.size());
    std::atomic<std::size_t> next{0};
    std::vector<std::exception_ptr> failures(kThreads);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        try {
          work(model, files, next, answers);
        } catch (...) {
          failures[static_cast<std::size_t>(t)] = std::current_exception();
        }
      });
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& failure : failures)
      if (failure) std::rethrow_exception(failure);
    for (std::size_t i = 0; i < files.size(); ++i)
      std::printf("%s: %s\n", files[i].c_str(), answers[i].c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
