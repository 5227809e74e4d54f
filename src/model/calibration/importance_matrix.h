// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/calibration/calibration.h"
#include "model/calibration/calibration_source.h"

namespace quantscope {

/// llama.cpp's importance matrix: of every linear layer the mean square of its inputs, nothing else. Two file
/// forms (llama.cpp, tools/imatrix/imatrix.cpp):
///   - GGUF: general.type "imatrix"; tensors NAME.in_sum2 F32 [in] (sums of x_j^2) and NAME.counts F32 [1]
///     (tokens), NAME the layer's ("blk.0.attn_q.weight"); keys imatrix.datasets, imatrix.chunk_count,
///     imatrix.chunk_size. Other tensors (NAME.in_sum) are passed over.
///   - the older binary, little-endian: int32 entries; of each: int32 length, name, int32 calls, int32
///   values,
///     F32 values (means times calls); then, optionally, int32 calls, int32 length, the text's name.
/// Layers with several matrices (experts) are Unsupported when they are asked for.
class ImportanceMatrix final : public CalibrationSource {
 public:
    /// By content. Malformed, naming the entry: truncated, impossible sizes, NaN, negative squares, no
    /// counts.
    static Result<std::shared_ptr<ImportanceMatrix>> open(const std::filesystem::path& path);

    /// meanSquare and tokens; all else is empty. NotFound for a layer it does not list; InvalidArgument for
    /// another number of inputs.
    Result<std::shared_ptr<const CalibrationStatistics>> statistics(const LinearInfo& layer,
                                                                    const Job& job) override;
    [[nodiscard]] std::string fingerprint() const override { return m_fingerprint; }

    struct Entry {
        std::vector<float> meanSquare;
        int64_t tokens = 0;  ///< calls in the older form
        int64_t matrices = 1;
    };

 private:
    std::string m_path;
    std::string m_fingerprint;
    std::map<std::string, Entry, std::less<>> m_entries;
};

/// The same from our own calibration, in the GGUF form. `textName` goes into imatrix.datasets.
Status saveImportanceMatrix(Calibration& calibration, const Model& model, const std::filesystem::path& target,
                            const std::string& textName, const Job& job);

}  // namespace quantscope
