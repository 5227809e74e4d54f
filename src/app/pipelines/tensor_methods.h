// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "app/experiment/source_library.h"
#include "app/pipelines/cache_key.h"
#include "app/pipelines/result_cache.h"
#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_set.h"
#include "methods/interface/method.h"
#include "model/calibration/calibration_source.h"
#include "model/model.h"
#include "model/weights/layer_quantizer.h"

namespace quantscope {

/// A matrix of the Tensor lab, and where methods may learn about its inputs: what was chosen beside it, or
/// the model's calibration when it is one of its layers.
struct MethodSubject {
    const MatrixSource& source;
    const std::optional<MatrixSource>& inputs;  ///< [tokens x in]; none: the model's calibration
    const ModelSource& model;
    const LoadedMatrix& matrix;
};

/// What a method's result depends on beside the matrix, the recipe and the arithmetic. Empty for methods that
/// look at nothing but the weight.
struct InputsKey {
    std::optional<MatrixSource> inputs;
    std::optional<ModelSource> calibration;
    bool operator==(const InputsKey&) const = default;
    [[nodiscard]] size_t hash() const;
};

/// Runs methods on matrices of the Tensor lab. Layers of the experiment's model are quantized by a
/// LayerQuantizer, which stays as long as the model and its calibration do. One thread at a time.
class TensorMethods {
 public:
    TensorMethods(SourceLibrary& sources, KernelsInUse kernels, ResultCache& cache)
        : m_sources(sources), m_kernels(kernels), m_cache(cache) {}

    /// Methods that were run so far, on a whole matrix or on rows: what is known is not run again.
    [[nodiscard]] uint64_t runs() const { return m_runs; }

    [[nodiscard]] InputsKey inputsKey(const MethodSubject& subject, const Recipe& recipe);
    /// Of the whole matrix, or of some of its rows (`weight`). An error of missing calibration says which
    /// control gives it.
    Result<std::shared_ptr<const LayerResult>> quantize(const MethodSubject& subject, const Variant& variant,
                                                        const Tensor& weight, const Job& job);
    /// Statistics of the inputs chosen beside the matrix; null when none were chosen.
    Result<std::shared_ptr<const CalibrationStatistics>> chosenInputs(const MethodSubject& subject,
                                                                      bool hessian, const Job& job);

 private:
    struct Layer {
        std::shared_ptr<const Model> model;
        const LinearInfo* info = nullptr;  ///< null: the matrix is no layer of the experiment's model
    };
    /// A model's layer quantizer, and what its calibration was read from.
    struct OpenModel {
        std::shared_ptr<const Model> model;
        ModelSource source;
        CalibrationNeed need = CalibrationNeed::None;
        Arithmetic arithmetic;
        std::unique_ptr<LayerQuantizer> quantizer;
    };
    [[nodiscard]] Layer layerOf(const MethodSubject& subject);
    Result<LayerQuantizer*> quantizerOf(const Layer& layer, const ModelSource& source, CalibrationNeed need,
                                        const Job& job);
    Result<std::shared_ptr<const LayerResult>> quantizeLayerOfModel(const MethodSubject& subject,
                                                                    const Layer& layer,
                                                                    const Variant& variant,
                                                                    const Tensor& weight, const Job& job);
    Result<std::shared_ptr<const LayerResult>> quantizeLoose(const MethodSubject& subject, const Layer& layer,
                                                             const Recipe& recipe, const Tensor& weight,
                                                             const Job& job);

    SourceLibrary& m_sources;
    KernelsInUse m_kernels;
    ResultCache& m_cache;
    OpenModel m_open;
    std::atomic<uint64_t> m_runs = 0;
};

/// Synthetic inputs without a number of columns get the matrix' own.
MatrixSource inputsFor(const MatrixSource& inputs, int64_t channels);

}  // namespace quantscope
