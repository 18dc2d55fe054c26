// Picture files among others.
#pragma once

#include <filesystem>
#include <vector>

namespace ofer {

// .png, .jpg, .jpeg, .jpe or .bmp, in any case.
bool is_picture_name(const std::filesystem::path& path);

// The picture files in the folder and, when `recursive`, in its folders, sorted by path. Links to
// folders are not followed, folders that may not be entered are left out, and folders or pipes of
// such a name are no pictures; a dangling link is listed, and fails when it is read. Throws
// std::filesystem::filesystem_error when the folder itself cannot be listed.
std::vector<std::filesystem::path> list_pictures(const std::filesystem::path& folder,
                                                 bool recursive);

}  // namespace ofer
