// Where the library's remarks go. It never prints: it calls the callback it was given, or no one.
#pragma once

#include <functional>
#include <string_view>

namespace ofer {

enum class LogLevel { kDebug, kInfo, kWarning };

// Called on the thread that has something to say; must be safe to call from several threads.
using LogCallback = std::function<void(LogLevel, std::string_view)>;

}  // namespace ofer
