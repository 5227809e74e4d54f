// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint_table.h"

#include <fmt/format.h>

#include <cassert>
#include <unordered_set>

#include "io/utf8.h"

namespace quantscope {

CheckpointTable::CheckpointTable(std::string format, std::filesystem::path path,
                                 std::vector<StoredTensor> tensors, Metadata metadata)
    : m_format(std::move(format)), m_path(std::move(path)), m_metadata(std::move(metadata)) {
    m_entries.reserve(tensors.size());
    m_loaders.reserve(tensors.size());
    for (StoredTensor& tensor : tensors) {
        m_entries.push_back(std::move(tensor.entry));
        m_loaders.push_back(std::move(tensor.load));
    }
    m_byName.reserve(m_entries.size());
    for (size_t i = 0; i < m_entries.size(); ++i) m_byName.emplace(m_entries[i].name, i);
    assert(m_byName.size() == m_entries.size());
}

const TensorEntry* CheckpointTable::find(std::string_view name) const {
    const auto it = m_byName.find(name);
    return it == m_byName.end() ? nullptr : &m_entries[it->second];
}

Result<Tensor> CheckpointTable::load(std::string_view name) const {
    const auto it = m_byName.find(name);
    if (it == m_byName.end()) {
        return fail(Error{ErrorKind::NotFound, "no such tensor", m_path.string(), printable(name),
                          "Choose one of the names that 'inspect' lists"});
    }
    const TensorEntry& entry = m_entries[it->second];
    if (!entry.unsupportedType.empty()) {
        return fail(Error{ErrorKind::Unsupported,
                          fmt::format("stored as {}, which is not supported", entry.unsupportedType),
                          m_path.string(), entry.name,
                          "Choose another tensor, or a file in a format with supported types"});
    }
    return m_loaders[it->second]().map_error([&](Error error) {
        if (error.field.empty()) error.field = entry.name;
        return inFile(std::move(error), m_path.string());
    });
}

TensorLoader mappedLoader(std::shared_ptr<const MappedFile> file, const TensorEntry& entry, uint64_t offset) {
    return [file = std::move(file), dtype = entry.dtype, shape = entry.shape, bytes = entry.bytes,
            offset]() -> Result<Tensor> {
        if (auto whole = file->checkWhole(); !whole) return fail(whole.error());
        return Tensor::create(dtype, shape, file->part(offset, bytes));
    };
}

Status checkNames(const std::vector<StoredTensor>& tensors) {
    std::unordered_set<std::string_view> seen;
    seen.reserve(tensors.size());
    for (const StoredTensor& tensor : tensors) {
        const std::string& name = tensor.entry.name;
        if (!isCleanName(name))
            return fail(ErrorKind::Malformed, "a tensor's name is empty or not clean UTF-8", printable(name),
                        "Write the file again with its original program");
        if (!seen.insert(name).second)
            return fail(ErrorKind::Malformed, "two tensors have this name", printable(name),
                        "Write the file again with its original program");
    }
    return {};
}

}  // namespace quantscope
