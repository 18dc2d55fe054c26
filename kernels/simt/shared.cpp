// Races and unwritten elements in shared memory.
#include <cstring>

#include "kernels/simt/executor.h"

namespace ofer::kernels::simt {

namespace {

// Was an access by `who` (counted from 1) of `phase` and `sync` possibly at the same time as one of
// thread t now? A barrier orders the block's threads, a warp synchronisation those of its warp.
bool unordered(std::uint16_t who, std::uint32_t phase, std::uint16_t sync, const Thread& t) {
  if (who == 0 || phase != t.block->phase()) return false;
  if (who == SharedCell::kSeveral) return true;
  if (who == t.linear + 1) return false;
  return (who - 1u) / kWarp != t.warp || sync == t.block->syncs(t.warp);
}

std::string name_of(std::uint16_t who) {
  if (who == SharedCell::kSeveral || who == SharedCell::kInWarp) return "several threads";
  return "thread " + std::to_string(who - 1);
}

std::string element(const SharedRegion& region, std::size_t i) {
  return std::string("element ") + std::to_string(i) + " of shared array " + region.name;
}

void check_landed(const SharedRegion& region, std::size_t i, const char* what,
                  const std::source_location& where) {
  if (region.cells[i].writer == SharedCell::kUnderWay)
    fault(where, "race: " + std::string(what) + element(region, i) +
                     ", to which an asynchronous copy is under way");
}

void set_writer(SharedCell& cell, const Thread& t) {
  cell.writer = static_cast<std::uint16_t>(t.linear + 1);
  cell.writer_phase = t.block->phase();
  cell.writer_sync = t.block->syncs(t.warp);
}

}  // namespace

void note_shared_read(const SharedRegion& region, std::size_t i,
                      const std::source_location& where) {
  const Thread& t = *running;
  SharedCell& cell = region.cells[i];
  if (cell.writer == 0) fault(where, "reads " + element(region, i) + ", which nobody has written");
  check_landed(region, i, "reads ", where);
  if (unordered(cell.writer, cell.writer_phase, cell.writer_sync, t))
    fault(where, "race: reads " + element(region, i) + ", which " + name_of(cell.writer) +
                     " wrote with no barrier in between");
  const std::uint16_t sync = t.block->syncs(t.warp);
  const auto me = static_cast<std::uint16_t>(t.linear + 1);
  const bool current = cell.reader != 0 && cell.reader_phase == t.block->phase();
  if (!current) {
    cell.reader = me;
  } else if (cell.reader != me && cell.reader != SharedCell::kSeveral) {
    cell.reader = cell.reader_warp == t.warp ? SharedCell::kInWarp : SharedCell::kSeveral;
  }
  cell.reader_warp = static_cast<std::uint16_t>(t.warp);
  cell.reader_phase = t.block->phase();
  cell.reader_sync = sync;
}

void note_shared_write(const SharedRegion& region, std::size_t i,
                       const std::source_location& where) {
  const Thread& t = *running;
  SharedCell& cell = region.cells[i];
  check_landed(region, i, "writes ", where);
  if (unordered(cell.writer, cell.writer_phase, cell.writer_sync, t))
    fault(where, "race: writes " + element(region, i) + ", which " + name_of(cell.writer) +
                     " wrote with no barrier in between");
  const bool read_in_warp =
      cell.reader == SharedCell::kInWarp && cell.reader_phase == t.block->phase() &&
      (cell.reader_warp != t.warp || cell.reader_sync == t.block->syncs(t.warp));
  if (read_in_warp || (cell.reader != SharedCell::kInWarp &&
                       unordered(cell.reader, cell.reader_phase, cell.reader_sync, t)))
    fault(where, "race: writes " + element(region, i) + ", which " + name_of(cell.reader) +
                     " read with no barrier in between");
  set_writer(cell, t);
}

// A copy writes at any moment while it is under way: the first is as good as any other.
void note_copy_start(const SharedRegion& region, std::size_t i, const std::source_location& where) {
  note_shared_write(region, i, where);
  region.cells[i].writer = SharedCell::kUnderWay;
}

void note_copy_end(const SharedRegion& region, std::size_t i) {
  set_writer(region.cells[i], *running);
}

void Thread::finish_copies(std::size_t groups) {
  if (copy_groups.size() <= groups) return;
  const std::size_t finished = copy_groups.size() - groups, end = copy_groups[finished - 1];
  for (std::size_t i = 0; i < end; ++i) {
    const PendingCopy& copy = copies[i];
    for (std::size_t k = 0; k < copy.count; ++k) note_copy_end(copy.region, copy.first + k);
    char* to = copy.region.data + copy.first * copy.element;
    if (copy.from)
      std::memcpy(to, copy.from, copy.bytes);
    else
      std::memset(to, 0, copy.bytes);
  }
  copies.erase(copies.begin(), copies.begin() + static_cast<std::ptrdiff_t>(end));
  copy_groups.erase(copy_groups.begin(),
                    copy_groups.begin() + static_cast<std::ptrdiff_t>(finished));
  for (std::size_t& group : copy_groups) group -= end;
}

}  // namespace ofer::kernels::simt
