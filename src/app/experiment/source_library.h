// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/experiment/matmul_part.h"
#include "base/job.h"
#include "base/result.h"
#include "io/checkpoint.h"
#include "kernels/kernel_set.h"
#include "model/model.h"
#include "tensor/tensor.h"

namespace quantscope {

/// A matrix ready for analysis and where it came from.
struct LoadedMatrix {
    Tensor values;         ///< F32
    std::string title;     ///< "blk.28.ffn_down.weight"
    std::string storedAs;  ///< "Q4_1", "synthetic", "activations"
};

/// Opens checkpoints, models and texts once and shares them. Safe to use from several threads; files stay
/// open until the library goes.
class SourceLibrary {
 public:
    explicit SourceLibrary(KernelsInUse kernels) : m_kernels(kernels) {}

    Result<std::shared_ptr<const Checkpoint>> checkpoint(const std::string& path);
    Result<std::shared_ptr<const Model>> model(const std::string& path);
    /// The text's token ids under the model's tokenizer.
    Result<std::shared_ptr<const std::vector<int32_t>>> tokens(const ModelSource& source);
    /// Decodes, generates or captures. Not cached here: the pipeline bounds what it keeps.
    Result<LoadedMatrix> matrix(const MatrixSource& source, const Job& job);

 private:
    Result<LoadedMatrix> load(const TensorSource& source, const Job& job);
    Result<LoadedMatrix> load(const SyntheticSource& source, const Job& job);
    Result<LoadedMatrix> load(const ActivationSource& source, const Job& job);

    KernelsInUse m_kernels;
    std::mutex m_mutex;
    std::map<std::string, std::shared_ptr<const Checkpoint>> m_checkpoints;
    std::map<std::string, std::shared_ptr<const Model>> m_models;
    std::map<std::pair<std::string, std::string>, std::shared_ptr<const std::vector<int32_t>>> m_tokens;
};

/// What a newcomer sees first, found beside the program: the repository's samples folder, or
/// share/quantscope/samples.
struct Samples {
    std::filesystem::path folder;
    std::filesystem::path model;  ///< Hugging Face folder
    std::filesystem::path heldOutText;
    std::filesystem::path calibrationText;
    std::vector<std::filesystem::path> workedExamples;  ///< .npy files, by name
};

/// `overrideFolder` (QUANTSCOPE_SAMPLES, read by main) wins; then folders above `programFolder`.
Result<Samples> findSamples(const std::filesystem::path& programFolder,
                            const std::string& overrideFolder = {});

/// A product of the worked examples: "int8-product", "integer-only-product", "outlier-product".
MatmulSource workedProduct(const Samples& samples, const std::string& name);

/// The experiment a newcomer sees: a layer of the sample model, its text, the default variants.
Experiment sampleExperiment(const Samples& samples);
/// And where they look at it first: the 4-bit variant, the last step of the product's first cell.
LabValues sampleViews();

}  // namespace quantscope
