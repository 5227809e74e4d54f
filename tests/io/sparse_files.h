// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <string>

#include "file_builder.h"

namespace quantscope::test {

constexpr uint64_t kSparseTensors = 3200;            // 80 layers of 40 tensors
constexpr uint64_t kSparseTensorBytes = 32U << 20U;  // together 100 GiB

/// A GGUF file of 3,200 F32 tensors of 32 MiB: only its directory takes room on the disk.
inline std::string sparseGgufDirectory() {
    Bytes b;
    b.raw("GGUF").put(3U).put(kSparseTensors).put(uint64_t{0});
    for (uint64_t i = 0; i < kSparseTensors; ++i) {
        b.text(fmt::format("blk.{}.t{}.weight", i / 40, i % 40))
            .put(2U)
            .put(uint64_t{4096})
            .put(uint64_t{2048});
        b.put(0U).put(i * kSparseTensorBytes);
    }
    return b.pad(32).str();
}

/// The same tensors as safetensors.
inline std::string sparseSafetensorsHeader() {
    std::string text = "{";
    for (uint64_t i = 0; i < kSparseTensors; ++i) {
        text += fmt::format(
            R"({}"layers.{}.t{}.weight":{{"dtype":"F32","shape":[2048,4096],"data_offsets":[{},{}]}})",
            i == 0 ? "" : ",", i / 40, i % 40, i * kSparseTensorBytes, (i + 1) * kSparseTensorBytes);
    }
    text += "}";
    return Bytes().put(static_cast<uint64_t>(text.size())).raw(text).str();
}

/// False where the file system has no room for such a name (it needs sparse files).
inline bool writeSparse(const std::string& path, const std::string& start) {
    QFile file(QString::fromStdString(path));
    if (!file.open(QIODevice::WriteOnly)) return false;
    const auto size = static_cast<qint64>(start.size() + kSparseTensors * kSparseTensorBytes);
    return file.write(QByteArray::fromStdString(start)) == static_cast<qint64>(start.size()) &&
           file.resize(size);
}

}  // namespace quantscope::test
