// What the converter reads: foreign tensors by name, from a checkpoint or from anywhere else.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weights/checkpoint.h"

namespace ofer {

// Everything is const; the converter reads from several threads at once.
class ConvertSource {
 public:
  virtual ~ConvertSource() = default;

  // Of the file, for messages.
  virtual const std::string& name() const = 0;
  virtual const std::vector<CheckpointTensor>& tensors() const = 0;
  // Null: there is none.
  virtual const CheckpointTensor* find(std::string_view name) const = 0;
  // A plain number beside the tensors; empty: there is none.
  virtual std::optional<double> number(std::string_view name) const = 0;
  // Elements [first, first + out.size()) of a numeric tensor, row-major.
  virtual void read(const CheckpointTensor& tensor, std::int64_t first,
                    std::span<double> out) const = 0;
};

// A checkpoint as such a source. It must outlive the source.
class CheckpointInput final : public ConvertSource {
 public:
  explicit CheckpointInput(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  const std::string& name() const override { return checkpoint_.name(); }
  const std::vector<CheckpointTensor>& tensors() const override { return checkpoint_.tensors(); }
  const CheckpointTensor* find(std::string_view name) const override {
    return checkpoint_.find(name);
  }
  std::optional<double> number(std::string_view name) const override {
    return checkpoint_.number(name);
  }
  void read(const CheckpointTensor& tensor, std::int64_t first,
            std::span<double> out) const override {
    checkpoint_.read(tensor, first, out);
  }

 private:
  const Checkpoint& checkpoint_;
};

}  // namespace ofer
