#include "ofer/ofer.h"

#define OFER_TEXT_OF(number) #number
#define OFER_TEXT(number) OFER_TEXT_OF(number)

extern "C" const char* ofer_version(void) noexcept {
  return OFER_TEXT(OFER_VERSION_MAJOR) "." OFER_TEXT(OFER_VERSION_MINOR) "." OFER_TEXT(
      OFER_VERSION_PATCH);
}
