// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "model/model.h"

namespace quantscope::test {

/// A model some of whose linear layers have other weights.
class PatchedModel : public Model {
 public:
    explicit PatchedModel(const Model& base) : m_base(base) {}
    void replace(const std::string& name, Tensor weight) { m_changed[name] = std::move(weight); }

    [[nodiscard]] const ModelConfig& config() const override { return m_base.config(); }
    [[nodiscard]] const Architecture& architecture() const override { return m_base.architecture(); }
    [[nodiscard]] const std::string& path() const override { return m_base.path(); }
    [[nodiscard]] std::span<const LinearInfo> linears() const override { return m_base.linears(); }
    [[nodiscard]] Result<Tensor> linearWeight(std::string_view name, const Job& job = {}) const override {
        const auto changed = m_changed.find(name);
        return changed != m_changed.end() ? changed->second : m_base.linearWeight(name, job);
    }
    [[nodiscard]] Result<Tensor> weight(std::string_view name) const override { return m_base.weight(name); }
    [[nodiscard]] Result<Tensor> storedWeight(std::string_view name) const override {
        return m_base.storedWeight(name);
    }
    [[nodiscard]] Result<std::shared_ptr<const Tokenizer>> tokenizer() const override {
        return m_base.tokenizer();
    }
    [[nodiscard]] uint64_t storedBytes() const override { return m_base.storedBytes(); }

 private:
    const Model& m_base;
    std::map<std::string, Tensor, std::less<>> m_changed;
};

}  // namespace quantscope::test
