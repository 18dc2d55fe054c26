// Runs the built program as a child process, and looks at what it said.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/runnable_config.h"
#include "tests/support/temporary_folder.h"

extern char** environ;

namespace ofer::test {

using Words = std::vector<std::string>;

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string read_all(int descriptor) {
  std::string text;
  char piece[4096];
  for (ssize_t got; (got = ::read(descriptor, piece, sizeof(piece))) > 0;)
    text.append(piece, static_cast<std::size_t>(got));
  return text;
}

// A started program. Its standard error goes to a file, so that it can never block on it.
class Child {
 public:
  // input, output: descriptors to be its standard input and output. environment: NAME=VALUE, added.
  Child(const Words& arguments, int input, int output, const Words& environment = {}) {
    Words words{OFER_COMMAND};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv, envp;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    Words variables = environment;
    for (char** variable = environ; *variable; ++variable) {
      const std::string name = std::string(*variable).substr(0, std::string(*variable).find('='));
      if (name != "NO_COLOR" && name != "TERM" && name.rfind("LC_", 0) != 0 && name != "LANG")
        variables.emplace_back(*variable);
    }
    for (std::string& variable : variables) envp.push_back(variable.data());
    envp.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, error_path().c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int failed =
        ::posix_spawn(&pid_, OFER_COMMAND, &actions, nullptr, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) throw std::runtime_error("cannot start " OFER_COMMAND);
  }
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      wait();
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  // Exit code; of a killed program minus the signal.
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  std::string error_text() const { return read_file(error_path()); }

 private:
  std::filesystem::path error_path() const { return folder_ / "stderr"; }
  TemporaryFolder folder_;
  pid_t pid_ = -1;
};

// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {
    if (value < 0) throw std::runtime_error("no descriptor");
  }
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }
  void close() {
    if (value_ >= 0) ::close(value_);
    value_ = -1;
  }

 private:
  int value_;
};

// Both ends are closed in children, unless they are given to them.
struct Pipe {
  Pipe() : Pipe(make()) {}
  Descriptor from, to;

 private:
  struct Ends {
    int from, to;
  };
  static Ends make() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    return {ends[0], ends[1]};
  }
  explicit Pipe(Ends ends) : from(ends.from), to(ends.to) {}
};

struct Ran {
  int code = 0;
  std::string out, err;

  Words lines() const {
    Words result;
    std::istringstream stream(out);
    for (std::string line; std::getline(stream, line);) result.push_back(line);
    return result;
  }
  std::vector<nlohmann::ordered_json> json() const {
    std::vector<nlohmann::ordered_json> result;
    for (const std::string& line : lines()) result.push_back(nlohmann::ordered_json::parse(line));
    return result;
  }
  bool error_says(const std::string& text) const { return err.find(text) != std::string::npos; }
  // Number of lines on standard error.
  long error_lines() const { return std::count(err.begin(), err.end(), '\n'); }
};

// Runs to the end. Standard input is the file `input`, standard output a file, or, by its path,
// `output`.
inline Ran run_ofer(const Words& arguments, const std::string& input = "/dev/null",
                    const std::string& output = {}, const Words& environment = {}) {
  const TemporaryFolder folder;
  const std::string out = output.empty() ? (folder / "stdout").string() : output;
  const Descriptor from(::open(input.c_str(), O_RDONLY | O_CLOEXEC));
  const Descriptor to(::open(out.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  Child child(arguments, from.get(), to.get(), environment);
  Ran ran;
  ran.code = child.wait();
  ran.err = child.error_text();
  if (output.empty()) ran.out = read_file(out);
  return ran;
}

// Can this machine make a pseudo-terminal? A bare chroot without /dev/pts cannot.
inline bool has_terminals() {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  const bool found = terminal >= 0 && ::ptsname(terminal) != nullptr && ::grantpt(terminal) == 0 &&
                     ::access(::ptsname(terminal), F_OK) == 0;
  if (terminal >= 0) ::close(terminal);
  return found;
}

// The same with a terminal of `columns` as its standard output.
inline Ran run_on_terminal(const Words& arguments, int columns, const Words& environment = {}) {
  const Descriptor master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0)
    throw std::runtime_error("no terminal");
  char name[128];
  ::ptsname_r(master.get(), name, sizeof(name));
  Descriptor slave(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = 24;
  ::ioctl(slave.get(), TIOCSWINSZ, &size);
  const Descriptor from(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  Child child(arguments, from.get(), slave.get(), environment);
  slave.close();
  Ran ran;
  const std::string raw = read_all(master.get());  // ends with the last writer
  ran.code = child.wait();
  ran.err = child.error_text();
  std::copy_if(raw.begin(), raw.end(), std::back_inserter(ran.out),
               [](char c) { return c != '\r'; });
  return ran;
}

inline std::string sample(const std::string& name) {
  return std::string(OFER_SOURCE_DIR) + "/samples/" + name;
}
inline std::string fixture(const std::string& name) {
  return std::string(OFER_SOURCE_DIR) + "/tests/fixtures/images/" + name;
}

// `ofer run -m tiny ...`
inline Words run_words(const Words& more) {
  Words words{"run", "-m", tiny_weights()};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}
inline Ran run_tiny(const Words& more, const std::string& input = "/dev/null",
                    const std::string& output = {}) {
  return run_ofer(run_words(more), input, output);
}

}  // namespace ofer::test
