// A run's state on the disk: every weight, average and moment in float32, and what it was run with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "ofer/train/trainer.h"
#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"

namespace ofer {

// Fills from a tensor on any device, which stays as it is until the file is written; one that is
// not the host's is copied when its first byte is asked for.
TensorFill fill_from(Session& session, const Tensor& tensor);

// What a checkpoint says besides its tensors, all of it text.
using CheckpointNotes = std::map<std::string, std::string, std::less<>>;

// Writes the trainer's state, whole or not at all: an older checkpoint at `path` stays as it was on
// any error. Throws kIo.
void save_checkpoint(const std::filesystem::path& path, Trainer& trainer,
                     const CheckpointNotes& notes);

// Opens a checkpoint and verifies its checksum. Throws kIo; kBadFile for any other file.
SafetensorsFile open_checkpoint(const std::filesystem::path& path);

// Gives the trainer the state in `file`. Every tensor must be there with its shape, and no other.
// Throws kBadFile, naming the first that does not fit; then nothing has changed.
void restore_checkpoint(const SafetensorsFile& file, Trainer& trainer);

}  // namespace ofer
