// SPDX-License-Identifier: Apache-2.0
#include "io/npy_writer.h"

#include <fmt/format.h>

#include <string>

#include "base/atomic_file.h"
#include "io/npy_header.h"

namespace quantscope {
namespace {

std::string headerText(std::string_view descr, const Shape& shape) {
    std::string dims;
    for (const int64_t dim : shape) dims += fmt::format("{}, ", dim);
    if (shape.size() > 1) dims.resize(dims.size() - 2);
    std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, dims);
    // The data starts at a multiple of 64; the text ends with a line break.
    const size_t used = 10 + text.size() + 1;
    text.append((64 - used % 64) % 64, ' ');
    text += '\n';
    return text;
}

}  // namespace

Status writeNpy(const std::filesystem::path& target, const Tensor& tensor) {
    const std::string_view descr = npyDescr(tensor.dtype());
    if (descr.empty())
        return fail(Error{ErrorKind::Unsupported,
                          fmt::format("NumPy has no type {}", infoOf(tensor.dtype()).name), target.string(),
                          "dtype", "Convert it to F32 first"});
    const std::string header = headerText(descr, tensor.shape());
    if (header.size() > 65535)
        return fail(Error{ErrorKind::InvalidArgument, "too many dimensions", target.string(), "shape", {}});
    auto file = AtomicFile::create(target);
    if (!file) return fail(file.error());
    std::string start("\x93NUMPY\x01\x00", 8);
    start += static_cast<char>(header.size() & 0xFFU);
    start += static_cast<char>(header.size() >> 8U);
    if (auto status = file->write(start + header); !status) return status;
    if (auto status = file->write(tensor.bytes()); !status) return status;
    return file->commit();
}

}  // namespace quantscope
