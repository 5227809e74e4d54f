// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "model/model.h"
#include "tensor/tensor.h"

namespace quantscope {

/// What to keep of the inputs of the linear layers.
struct CaptureRequest {
    std::vector<std::string> layers;  ///< canonical names whose input matrices are kept; "*" patterns allowed
    int64_t window = 512;             ///< tokens a forward pass sees at once
    uint64_t maxBytes = uint64_t{512} << 20;  ///< for all kept matrices; InvalidArgument when they need more
    float outlierThreshold = 6;               ///< |x| >= this counts as an outlier (LLM.int8())
};

/// Streaming statistics of one layer's input, per input channel.
struct ChannelStatistics {
    std::string layer;
    std::string channels;       ///< InputPointInfo::channels of what it reads
    bool repeatsInput = false;  ///< a layer listed before it reads the same
    int64_t tokens = 0;
    std::vector<float> absMax;
    std::vector<double> mean;
    std::vector<double> meanSquare;      ///< mean of x^2: the diagonal of X^T X / tokens
    std::vector<int64_t> outlierTokens;  ///< tokens with |x| >= outlierThreshold
};

struct ActivationCapture {
    std::vector<ChannelStatistics> statistics;  ///< every linear layer of the blocks, in running order
    std::map<std::string, Tensor, std::less<>> inputs;  ///< F32 [tokens x in], kept layers only
};

/// Runs the float model over `tokens` (whole windows, a shorter last one allowed) layer by layer. Layers that
/// share their input share the kept tensor.
Result<ActivationCapture> captureActivations(const Model& model, std::span<const int32_t> tokens,
                                             const CaptureRequest& request, const KernelTable& kernels,
                                             const Job& job);

}  // namespace quantscope
