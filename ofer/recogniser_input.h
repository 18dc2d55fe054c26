// What the recogniser looks at.
#pragma once

#include "ofer/network.h"

namespace ofer {

// raw [N, 3, S, S] and restored [N, 3, U, U] in [0, 1] -> [N, 3, R, R] normalised: the restored
// image where one of its patches is covered (covered_flag [N], 1 or 0), else the raw one, which is
// then not seen by way of the U-Net's size.
Tensor recogniser_input(Session& s, const Network& network, const Tensor& raw,
                        const Tensor& restored, const Tensor& covered_flag);

}  // namespace ofer
