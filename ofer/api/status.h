// Exceptions of the library become status codes and texts of the caller's.
#pragma once

#include <cstddef>
#include <exception>
#include <new>
#include <span>
#include <string_view>

#include "engine/error.h"
#include "ofer/ofer.h"

namespace ofer::api {

// Copies a text, cut where it must be to fit (never inside a UTF-8 character), on one line, with
// its end. Allocates nothing.
void copy_text(std::string_view text, std::span<char> to) noexcept;

ofer_status status_of(ErrorCode code) noexcept;

// Runs `work`; what it throws is told to `tell` (status, text) and returned. Nothing gets out.
template <class Work, class Tell>
ofer_status guarded(Work&& work, Tell&& tell) noexcept {
  const auto failed = [&tell](ofer_status status, std::string_view text) {
    tell(status, text);
    return status;
  };
  try {
    work();
    return OFER_OK;
  } catch (const Error& error) {
    return failed(status_of(error.code()), error.what());
  } catch (const std::bad_alloc&) {
    return failed(OFER_OUT_OF_MEMORY, "not enough memory");
  } catch (const std::exception& error) {
    return failed(OFER_INTERNAL, error.what());
  } catch (...) {
    return failed(OFER_INTERNAL, "an exception of an unknown type");
  }
}

// Writes into the caller's struct, which may be null or of another version.
void tell(ofer_error* error, ofer_status status, std::string_view text) noexcept;

// guarded(), told to `error`. A success empties it.
template <class Work>
ofer_status guarded_into(ofer_error* error, Work&& work) noexcept {
  const ofer_status status =
      guarded(work, [error](ofer_status code, std::string_view text) { tell(error, code, text); });
  if (status == OFER_OK) tell(error, OFER_OK, {});
  return status;
}

}  // namespace ofer::api
