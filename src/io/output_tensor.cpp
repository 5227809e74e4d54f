// SPDX-License-Identifier: Apache-2.0
#include "io/output_tensor.h"

#include <fmt/format.h>

namespace quantscope {

OutputTensor outputTensor(std::string name, const Tensor& tensor) {
    return {{std::move(name), tensor.dtype(), tensor.shape(), tensor.bytes().size(), {}},
            [tensor] { return Result<Tensor>(tensor); }};
}

OutputTensor outputTensor(std::shared_ptr<const Checkpoint> source, const TensorEntry& entry) {
    return {entry, [source = std::move(source), name = entry.name] { return source->load(name); }};
}

Status writeData(AtomicFile& file, const OutputTensor& tensor) {
    const auto data = tensor.load();
    if (!data) return fail(data.error());
    if (data->dtype() != tensor.entry.dtype || data->shape() != tensor.entry.shape)
        return fail(ErrorKind::Internal,
                    fmt::format("the data is {} of {}, the header says {} of {}", describe(data->shape()),
                                infoOf(data->dtype()).name, describe(tensor.entry.shape),
                                infoOf(tensor.entry.dtype).name),
                    tensor.entry.name);
    return file.write(data->bytes());
}

}  // namespace quantscope
