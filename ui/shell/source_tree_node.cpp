// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/source_tree_node.h"

#include <QRegularExpression>
#include <map>

namespace quantscope {

namespace {

using Node = SourceTreeModel::Node;

/// "blk.3.attn_q.weight" and "model.layers.3.self_attn.q_proj.weight" belong to block 3.
struct BlockName {
    QString family;
    int number = -1;
    QString rest;
};

BlockName blockNameOf(const QString& name) {
    static const QRegularExpression pattern(
        QStringLiteral(R"(^(?:.*\.)?(blk|layers|layer|blocks|block|h)\.(\d{1,6})\.(.+)$)"));
    const auto match = pattern.match(name);
    if (!match.hasMatch()) return {{}, -1, name};
    const QString family =
        match.captured(1) == QLatin1String("blk") ? match.captured(1) : QStringLiteral("layer");
    return {family, match.captured(2).toInt(), match.captured(3)};
}

QString withoutWeight(const QString& name) {
    return name.endsWith(QLatin1String(".weight")) ? name.chopped(7) : name;
}

}  // namespace

std::unique_ptr<Node> checkpointNode(const std::shared_ptr<const Checkpoint>& checkpoint) {
    auto file = std::make_unique<Node>();
    file->kind = SourceKind::Checkpoint;
    file->checkpoint = checkpoint;
    file->value = checkpoint->path().string();
    file->key = QString::fromStdString(file->value);
    file->label = QString::fromStdString(checkpoint->path().filename().string());
    if (file->label.isEmpty()) file->label = file->key;

    uint64_t bytes = 0;
    std::map<int, std::unique_ptr<Node>> blocks;
    std::vector<std::unique_ptr<Node>> before;
    std::vector<std::unique_ptr<Node>> after;
    for (const TensorEntry& entry : checkpoint->tensors()) {
        bytes += entry.bytes;
        auto node = std::make_unique<Node>();
        node->kind = SourceKind::Tensor;
        node->entry = &entry;
        const BlockName name = blockNameOf(QString::fromStdString(entry.name));
        node->label = withoutWeight(name.rest);
        node->key = file->key + QLatin1Char('\n') + QString::fromStdString(entry.name);
        if (name.number < 0) {
            (blocks.empty() ? before : after).push_back(std::move(node));
            continue;
        }
        auto& block = blocks[name.number];
        if (!block) {
            block = std::make_unique<Node>();
            block->kind = SourceKind::Block;
            block->label = QStringLiteral("%1 %2").arg(name.family).arg(name.number);
            block->key = file->key + QStringLiteral("\nblock ") + QString::number(name.number);
        }
        block->add(std::move(node));
    }
    file->details = byteSizeText(bytes);
    for (auto& node : before) file->add(std::move(node));
    for (auto& [number, block] : blocks) {
        uint64_t blockBytes = 0;
        for (const auto& child : block->children) blockBytes += child->entry->bytes;
        block->details = byteSizeText(blockBytes);
        file->add(std::move(block));
    }
    for (auto& node : after) file->add(std::move(node));
    return file;
}

}  // namespace quantscope
