// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/cpu_features.h"
#include "base/random.h"
#include "kernels/kernel_table.h"
#include "model/architectures/tensor_names.h"
#include "model/forward/rotary_table.h"
#include "model/model.h"

namespace quantscope::test {

/// A random model in memory, of the Llama family or another: 2 blocks, 4 query and 2 key/value heads of 8, 48
/// in the feed-forward, 97 tokens.
class TinyModel final : public Model {
 public:
    explicit TinyModel(bool tied = false, RotaryLayout layout = RotaryLayout::Halves,
                       const std::string& family = "llama", bool biases = false)
        : m_family(*findArchitecture(family)) {
        m_config.architecture = "test";
        m_config.vocabulary = 97;
        m_config.blocks = 2;
        m_config.hidden = 32;
        m_config.feedForward = 48;
        m_config.heads = 4;
        m_config.keyValueHeads = 2;
        m_config.headDim = 8;
        m_config.contextLength = 64;
        m_config.tiedEmbeddings = tied;
        m_config.rotaryDims = 8;
        m_config.rotaryLayout = layout;
        m_config.attentionBias = m_config.feedForwardBias = biases;
        add("token_embd", {97, 32}, 1.0);
        add("output_norm", {32}, 0.1, 1.0);
        for (int64_t block = 0; block < m_config.blocks; ++block) {
            const std::string prefix = "blk." + std::to_string(block) + ".";
            for (const NormDescription& norm : m_family.norms)
                add(prefix + norm.name, {widthOf(norm.width, m_config)}, 0.1, 1.0);
            for (LinearInfo& layer : describedLinears(architecture(), m_config, block))
                addLinear(std::move(layer));
        }
        if (tied) m_weights["output"] = m_weights["token_embd"];
        for (LinearInfo& head : describedLinears(architecture(), m_config, -1))
            addLinear(std::move(head), tied);
    }

    [[nodiscard]] const ModelConfig& config() const override { return m_config; }
    [[nodiscard]] const Architecture& architecture() const override { return m_family; }
    [[nodiscard]] const std::string& path() const override { return m_path; }
    [[nodiscard]] std::span<const LinearInfo> linears() const override { return m_linears; }
    [[nodiscard]] Result<Tensor> linearWeight(std::string_view name, const Job& = {}) const override {
        return weight(name);
    }
    [[nodiscard]] Result<Tensor> weight(std::string_view name) const override {
        const auto found = m_weights.find(name);
        if (found == m_weights.end()) return fail(ErrorKind::NotFound, "no such weight");
        return found->second;
    }
    [[nodiscard]] Result<Tensor> storedWeight(std::string_view name) const override { return weight(name); }
    [[nodiscard]] Result<std::shared_ptr<const Tokenizer>> tokenizer() const override {
        return fail(ErrorKind::NotFound, "no tokenizer");
    }
    [[nodiscard]] uint64_t storedBytes() const override {
        uint64_t bytes = 0;
        for (const auto& [name, tensor] : m_weights) bytes += tensor.bytes().size();
        return bytes;
    }
    void setSlidingWindow(int64_t tokens) { m_config.slidingWindow = tokens; }
    void replace(const std::string& name, Tensor tensor) { m_weights[name] = std::move(tensor); }

 private:
    void add(const std::string& name, const Shape& shape, double spread, double centre = 0) {
        std::vector<float> values(static_cast<size_t>(elementCount(shape)));
        const CounterRandom random(5, m_weights.size());
        for (size_t i = 0; i < values.size(); ++i)
            values[i] = static_cast<float>(centre + spread * random.normal(i));
        m_weights[name] = Tensor::fromFloats(shape, std::move(values));
    }
    void addLinear(LinearInfo info, bool present = false) {
        const Shape shape = {info.outFeatures, info.inFeatures};
        info.tensorName = info.name + ".weight";
        info.bytes = static_cast<uint64_t>(elementCount(shape)) * 4;
        if (!present) add(info.name, shape, 0.3);
        if (!info.biasName.empty()) add(info.biasName, {info.outFeatures}, 0.3);
        m_linears.push_back(info);
    }

    const Architecture& m_family;
    ModelConfig m_config;
    std::string m_path = "tiny";
    std::map<std::string, Tensor, std::less<>> m_weights;
    std::vector<LinearInfo> m_linears;
};

using Rows = std::vector<std::vector<double>>;

/// The forward pass as the papers write it, in double, one token after the other.
class PlainForward {
 public:
    explicit PlainForward(const Model& model) : m_model(model), m_config(model.config()) {}

    [[nodiscard]] Rows logits(const std::vector<int32_t>& tokens) const {
        Rows hidden;
        const Tensor table = *m_model.weight("token_embd");
        for (const int32_t token : tokens) {
            std::vector<double> row;
            for (int64_t i = 0; i < m_config.hidden; ++i) row.push_back(table.matrix().at(token, i));
            hidden.push_back(row);
        }
        for (int64_t block = 0; block < m_config.blocks; ++block)
            runBlock(hidden, "blk." + std::to_string(block) + ".");
        return product(normed(hidden, "output_norm"), "output");
    }

 private:
    [[nodiscard]] Rows product(const Rows& x, const std::string& name) const {
        const Tensor tensor = *m_model.weight(name);
        const MatrixView w = tensor.matrix();
        Rows y(x.size(), std::vector<double>(static_cast<size_t>(w.rows)));
        for (size_t t = 0; t < x.size(); ++t) {
            for (int64_t o = 0; o < w.rows; ++o) {
                for (int64_t i = 0; i < w.cols; ++i)
                    y[t][static_cast<size_t>(o)] += x[t][static_cast<size_t>(i)] * w.at(o, i);
            }
        }
        const auto bias = m_model.weight(name + ".bias");
        for (size_t t = 0; bias && t < x.size(); ++t)
            for (size_t o = 0; o < y[t].size(); ++o) y[t][o] += bias->floats()[o];
        return y;
    }
    [[nodiscard]] Rows normed(const Rows& x, const std::string& name) const {
        const Tensor tensor = *m_model.weight(name);
        Rows y = x;
        for (auto& row : y) {
            double squares = 0;
            for (const double v : row) squares += v * v;
            const double factor =
                1 / std::sqrt(squares / static_cast<double>(row.size()) + m_config.normEpsilon);
            for (size_t i = 0; i < row.size(); ++i) row[i] *= factor * tensor.floats()[i];
        }
        return y;
    }
    /// Every head by itself; nothing where the model has no such norm.
    void normHeads(Rows& x, int64_t heads, const std::string& name) const {
        const auto weight = m_model.weight(name);
        const auto dim = static_cast<size_t>(m_config.headDim);
        for (size_t t = 0; weight && t < x.size(); ++t) {
            for (size_t head = 0; head < static_cast<size_t>(heads); ++head) {
                double squares = 0;
                for (size_t i = 0; i < dim; ++i) squares += x[t][head * dim + i] * x[t][head * dim + i];
                const double factor =
                    1 / std::sqrt(squares / static_cast<double>(dim) + m_config.normEpsilon);
                for (size_t i = 0; i < dim; ++i) x[t][head * dim + i] *= factor * weight->floats()[i];
            }
        }
    }
    void rotate(Rows& x, int64_t heads) const {
        const std::vector<double> frequencies = rotaryFrequencies(m_config, {});
        const size_t pairs = frequencies.size();
        for (size_t t = 0; t < x.size(); ++t) {
            for (size_t head = 0; head < static_cast<size_t>(heads); ++head) {
                for (size_t i = 0; i < pairs; ++i) {
                    const double angle = static_cast<double>(t) * frequencies[i];
                    const bool adjacent = m_config.rotaryLayout == RotaryLayout::Pairs;
                    const size_t base = head * static_cast<size_t>(m_config.headDim);
                    double& a = x[t][base + (adjacent ? 2 * i : i)];
                    double& b = x[t][base + (adjacent ? 2 * i + 1 : i + pairs)];
                    const double turned = a * std::cos(angle) - b * std::sin(angle);
                    b = a * std::sin(angle) + b * std::cos(angle);
                    a = turned;
                }
            }
        }
    }
    [[nodiscard]] Rows attend(const Rows& q, const Rows& k, const Rows& v) const {
        const auto dim = static_cast<size_t>(m_config.headDim);
        const auto group = static_cast<size_t>(m_config.heads / m_config.keyValueHeads);
        Rows out(q.size(), std::vector<double>(q[0].size()));
        for (size_t t = 0; t < q.size(); ++t) {
            for (size_t head = 0; head < static_cast<size_t>(m_config.heads); ++head) {
                std::vector<double> weights(t + 1);
                double total = 0;
                for (size_t s = 0; s <= t; ++s) {
                    double score = 0;
                    for (size_t i = 0; i < dim; ++i)
                        score += q[t][head * dim + i] * k[s][head / group * dim + i];
                    total += weights[s] = std::exp(score / std::sqrt(static_cast<double>(dim)));
                }
                for (size_t s = 0; s <= t; ++s) {
                    for (size_t i = 0; i < dim; ++i) {
                        out[t][head * dim + i] += weights[s] / total * v[s][head / group * dim + i];
                    }
                }
            }
        }
        return out;
    }
    void runBlock(Rows& hidden, const std::string& prefix) const {
        const Rows x = normed(hidden, prefix + "attn_norm");
        Rows q = product(x, prefix + "attn_q");
        Rows k = product(x, prefix + "attn_k");
        normHeads(q, m_config.heads, prefix + "attn_q_norm");
        normHeads(k, m_config.keyValueHeads, prefix + "attn_k_norm");
        rotate(q, m_config.heads);
        rotate(k, m_config.keyValueHeads);
        addTo(hidden, product(attend(q, k, product(x, prefix + "attn_v")), prefix + "attn_output"));
        const Rows y = normed(hidden, prefix + "ffn_norm");
        Rows gate = product(y, prefix + "ffn_gate");
        const Rows up = product(y, prefix + "ffn_up");
        for (size_t t = 0; t < gate.size(); ++t) {
            for (size_t i = 0; i < gate[t].size(); ++i)
                gate[t][i] = gate[t][i] / (1 + std::exp(-gate[t][i])) * up[t][i];
        }
        addTo(hidden, product(gate, prefix + "ffn_down"));
    }
    static void addTo(Rows& hidden, const Rows& x) {
        for (size_t t = 0; t < x.size(); ++t) {
            for (size_t i = 0; i < x[t].size(); ++i) hidden[t][i] += x[t][i];
        }
    }

    const Model& m_model;
    const ModelConfig& m_config;
};

inline std::vector<int32_t> randomTokens(size_t count, uint64_t seed = 3) {
    const CounterRandom random(seed);
    std::vector<int32_t> tokens;
    for (size_t i = 0; i < count; ++i) tokens.push_back(static_cast<int32_t>(random.bits(i) % 97));
    return tokens;
}

}  // namespace quantscope::test
