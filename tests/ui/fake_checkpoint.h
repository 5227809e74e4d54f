// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "io/checkpoint.h"

namespace quantscope {

/// A checkpoint that exists only as its list of tensors.
class FakeCheckpoint final : public Checkpoint {
 public:
    FakeCheckpoint(std::string path, std::vector<TensorEntry> tensors)
        : m_path(std::move(path)), m_tensors(std::move(tensors)) {}
    [[nodiscard]] std::string format() const override { return "fake"; }
    [[nodiscard]] const std::filesystem::path& path() const override { return m_path; }
    [[nodiscard]] std::span<const TensorEntry> tensors() const override { return m_tensors; }
    [[nodiscard]] const Metadata& metadata() const override { return m_metadata; }
    [[nodiscard]] Result<Tensor> load(std::string_view name) const override {
        return fail(ErrorKind::NotFound, std::string(name));
    }

 private:
    std::filesystem::path m_path;
    std::vector<TensorEntry> m_tensors;
    Metadata m_metadata;
};

/// token_embd, `blocks` blocks of attn_q (F16) and ffn_down (Q4_1), output_norm; blocks in reverse order.
inline std::shared_ptr<const Checkpoint> fakeModel(const std::string& path, int blocks) {
    std::vector<TensorEntry> tensors;
    tensors.push_back({"token_embd.weight", DType::Q8_0, {49152, 576}, 30081024});
    for (int i = blocks - 1; i >= 0; --i) {
        const std::string block = "blk." + std::to_string(i);
        tensors.push_back({block + ".attn_q.weight", DType::F16, {576, 576}, 663552});
        tensors.push_back({block + ".ffn_down.weight", DType::Q4_1, {576, 1536}, 552960});
    }
    tensors.push_back({"output_norm.weight", DType::F32, {576}, 2304});
    return std::make_shared<FakeCheckpoint>(path, std::move(tensors));
}

}  // namespace quantscope
