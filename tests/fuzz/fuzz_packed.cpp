// SPDX-License-Identifier: Apache-2.0
#include "export/layout_doctor.h"
#include "export/packed_reader.h"
#include "open_bytes.h"

using namespace quantscope;

/// Linear layers as GPTQ, AWQ, compressed-tensors and bitsandbytes pack them: what can be read has the size
/// that was announced, in either order of nibbles; the doctor comes to an end.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 3) return 0;
    const auto bytes = fuzz::asSafetensors(data, size);
    const fuzz::BytesAsFile file(bytes.data(), bytes.size());
    auto opened = openCheckpoint(file.path());
    if (!opened) return 0;
    const std::shared_ptr<const Checkpoint> checkpoint = *opened;
    for (const PackedModule& module : packedModules(*checkpoint)) {
        const auto shape = packedShape(*checkpoint, module);
        for (const bool swapped : {false, true}) {
            WordReading reading = declaredReading(*checkpoint);
            reading.swapped = swapped;
            const auto weight = readPacked(*checkpoint, module, reading);
            if (!weight && weight.error().message.empty()) std::abort();
            if (weight && shape && weight->shape() != *shape) std::abort();
        }
    }
    const auto unpacked = unpackedCheckpoint(checkpoint);
    if (unpacked)
        for (const TensorEntry& entry : (*unpacked)->tensors()) {
            const auto tensor = (*unpacked)->load(entry.name);
            if (tensor && tensor->shape() != entry.shape) std::abort();
        }
    if (const auto report = examineLayout(checkpoint, nullptr); !report && report.error().message.empty())
        std::abort();
    return 0;
}
