// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractItemModel>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "app/experiment/experiment.h"
#include "io/checkpoint.h"
#include "shell/source_filter.h"

namespace quantscope {

/// What a row of the source tree stands for.
enum class SourceKind { Group, Checkpoint, Block, Tensor, File, Synthetic, Activation };

/// A row that is not a tensor of an open checkpoint: a generated source, or a file that opens on activation.
struct NamedSource {
    QString label;
    QString details;  ///< right-aligned: "512 tokens"
    QString tip;
    std::string value;  ///< the spec of a synthetic source, the path of a file, the layer of an activation
};

/// Open checkpoints as a tree: file, then its tensors grouped by block in numerical order ("blk 0" … "blk
/// 29"), and the groups of samples, synthetic sources and captured activations. One column; details, badge
/// and kind are roles.
///
/// Filtering happens here, not in a proxy: one pass and one reset stay fluid with 100,000 tensors, where a
/// proxy's row-by-row removals do not.
class SourceTreeModel : public QAbstractItemModel {
    Q_OBJECT
 public:
    enum Role {
        DetailsRole = Qt::UserRole + 1,  ///< QString, right-aligned, monospaced
        OutlierRole,                     ///< bool: has outlier channels
        KindRole,                        ///< SourceKind as int
        KeyRole                          ///< QString, unique and stable: keeps expansion over resets
    };

    struct Node;  ///< see source_tree_node.h

    explicit SourceTreeModel(QObject* parent = nullptr);
    ~SourceTreeModel() override;

    /// Adds a checkpoint, or replaces the one of the same path.
    void addCheckpoint(const std::shared_ptr<const Checkpoint>& checkpoint);
    void removeCheckpoint(const std::string& path);
    [[nodiscard]] std::shared_ptr<const Checkpoint> checkpoint(const std::string& path) const;
    [[nodiscard]] std::vector<std::string> checkpointPaths() const;

    void setSamples(std::vector<NamedSource> files);
    void setSynthetic(std::vector<NamedSource> specs);
    /// Inputs of the linear layers of a model, captured over a text.
    void setActivations(std::vector<NamedSource> layers, const ActivationSource& source);

    /// Names of tensors (or of layers, without ".weight") that have outlier channels.
    void setOutliers(std::set<std::string> names);

    void setFilter(const SourceFilter& filter);
    [[nodiscard]] const SourceFilter& filter() const { return m_filter; }
    /// Tensors that pass the filter.
    [[nodiscard]] int matchCount() const { return m_matches; }

    /// What selecting the row means for the Tensor lab; nullopt for rows without elements of their own.
    [[nodiscard]] std::optional<MatrixSource> matrixSource(const QModelIndex& index) const;
    /// Path of the checkpoint a row belongs to, or of the file it would open; empty for others.
    [[nodiscard]] std::string pathOf(const QModelIndex& index) const;
    /// The visible row that shows this source; invalid if there is none.
    [[nodiscard]] QModelIndex indexOf(const MatrixSource& source) const;

    [[nodiscard]] QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
    [[nodiscard]] QModelIndex parent(const QModelIndex& index) const override;
    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] Qt::ItemFlags flags(const QModelIndex& index) const override;

 private:
    [[nodiscard]] Node* nodeOf(const QModelIndex& index) const;
    [[nodiscard]] QModelIndex indexOf(const Node* node) const;
    [[nodiscard]] bool hasOutliers(const Node& node) const;
    [[nodiscard]] QString tipOf(const Node& node) const;
    void replaceGroup(Node* group, std::vector<NamedSource> sources, SourceKind kind);
    bool applyFilter(Node& node);
    void refilter();

    std::unique_ptr<Node> m_root;
    Node* m_activations;
    Node* m_samples;
    Node* m_synthetic;
    ActivationSource m_activationSource;
    std::set<std::string> m_outliers;
    SourceFilter m_filter;
    int m_matches = 0;
};

/// "92 MiB", "1.5 GiB", "384 B".
QString byteSizeText(uint64_t bytes);
/// "576×1536".
QString shapeText(const Shape& shape);

}  // namespace quantscope
