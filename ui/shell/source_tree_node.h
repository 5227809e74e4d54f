// SPDX-License-Identifier: GPL-3.0-or-later
// Private to the source tree.
#pragma once

#include <QString>
#include <memory>
#include <string>
#include <vector>

#include "shell/source_tree_model.h"

namespace quantscope {

struct SourceTreeModel::Node {
    SourceKind kind = SourceKind::Group;
    QString label;
    QString details;
    QString tip;
    QString key;
    std::string value;                             ///< see NamedSource
    const TensorEntry* entry = nullptr;            ///< Tensor: lives in the checkpoint
    std::shared_ptr<const Checkpoint> checkpoint;  ///< Checkpoint
    Node* parent = nullptr;
    int row = 0;  ///< among the parent's visible children
    std::vector<std::unique_ptr<Node>> children;
    std::vector<Node*> visible;  ///< children that pass the filter

    Node* add(std::unique_ptr<Node> child) {
        child->parent = this;
        children.push_back(std::move(child));
        return children.back().get();
    }
    [[nodiscard]] const Node* owner() const {
        const Node* node = this;
        while (node && node->kind != SourceKind::Checkpoint) node = node->parent;
        return node;
    }
};

/// A checkpoint with its tensors grouped by block, in the model's order.
std::unique_ptr<SourceTreeModel::Node> checkpointNode(const std::shared_ptr<const Checkpoint>& checkpoint);

}  // namespace quantscope
