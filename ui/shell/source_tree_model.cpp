// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/source_tree_model.h"

#include <algorithm>

#include "shell/source_tree_node.h"

namespace quantscope {

namespace {

/// A layer's name as outlier sets use it: without ".weight".
std::string layerNameOf(const std::string& tensor) {
    constexpr std::string_view kSuffix = ".weight";
    return tensor.ends_with(kSuffix) ? tensor.substr(0, tensor.size() - kSuffix.size()) : tensor;
}

QString dtypeText(DType dtype) {
    const auto name = infoOf(dtype).name;
    return QString::fromLatin1(name.data(), static_cast<qsizetype>(name.size()));
}

}  // namespace

QString byteSizeText(uint64_t bytes) {
    constexpr double kStep = 1024;
    const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = static_cast<double>(bytes);
    size_t unit = 0;
    while (value >= kStep && unit + 1 < std::size(units)) {
        value /= kStep;
        ++unit;
    }
    const int decimals = unit == 0 || value >= 10 ? 0 : 1;
    return QStringLiteral("%1 %2").arg(value, 0, 'f', decimals).arg(QLatin1String(units[unit]));
}

QString shapeText(const Shape& shape) {
    if (shape.empty()) return QStringLiteral("scalar");
    QStringList parts;
    for (const int64_t dimension : shape) parts.push_back(QString::number(dimension));
    return parts.join(QStringLiteral("×"));
}

SourceTreeModel::SourceTreeModel(QObject* parent)
    : QAbstractItemModel(parent), m_root(std::make_unique<Node>()) {
    const auto group = [this](const QString& label, const char* key) {
        auto node = std::make_unique<Node>();
        node->label = label;
        node->key = QLatin1String(key);
        return m_root->add(std::move(node));
    };
    m_activations = group(tr("Activations (captured)"), "activations");
    m_samples = group(tr("Samples"), "samples");
    m_synthetic = group(tr("Synthetic"), "synthetic");
    applyFilter(*m_root);
}

SourceTreeModel::~SourceTreeModel() = default;

void SourceTreeModel::addCheckpoint(const std::shared_ptr<const Checkpoint>& checkpoint) {
    auto file = checkpointNode(checkpoint);
    beginResetModel();
    auto& roots = m_root->children;
    file->parent = m_root.get();
    const auto same = std::find_if(roots.begin(), roots.end(), [&](const auto& node) {
        return node->kind == SourceKind::Checkpoint && node->value == file->value;
    });
    if (same != roots.end()) {
        *same = std::move(file);
    } else {
        const auto firstGroup = std::find_if(
            roots.begin(), roots.end(), [](const auto& node) { return node->kind == SourceKind::Group; });
        roots.insert(firstGroup, std::move(file));
    }
    refilter();
    endResetModel();
}

void SourceTreeModel::removeCheckpoint(const std::string& path) {
    beginResetModel();
    std::erase_if(m_root->children, [&](const auto& node) {
        return node->kind == SourceKind::Checkpoint && node->value == path;
    });
    refilter();
    endResetModel();
}

std::shared_ptr<const Checkpoint> SourceTreeModel::checkpoint(const std::string& path) const {
    for (const auto& node : m_root->children) {
        if (node->kind == SourceKind::Checkpoint && node->value == path) return node->checkpoint;
    }
    return nullptr;
}

std::vector<std::string> SourceTreeModel::checkpointPaths() const {
    std::vector<std::string> paths;
    for (const auto& node : m_root->children) {
        if (node->kind == SourceKind::Checkpoint) paths.push_back(node->value);
    }
    return paths;
}

void SourceTreeModel::replaceGroup(Node* group, std::vector<NamedSource> sources, SourceKind kind) {
    beginResetModel();
    group->children.clear();
    for (NamedSource& source : sources) {
        auto node = std::make_unique<Node>();
        node->kind = kind;
        node->label = std::move(source.label);
        node->details = std::move(source.details);
        node->tip = std::move(source.tip);
        node->value = std::move(source.value);
        node->key = group->key + QLatin1Char('\n') + QString::fromStdString(node->value);
        group->add(std::move(node));
    }
    refilter();
    endResetModel();
}

void SourceTreeModel::setSamples(std::vector<NamedSource> files) {
    replaceGroup(m_samples, std::move(files), SourceKind::File);
}

void SourceTreeModel::setSynthetic(std::vector<NamedSource> specs) {
    replaceGroup(m_synthetic, std::move(specs), SourceKind::Synthetic);
}

void SourceTreeModel::setActivations(std::vector<NamedSource> layers, const ActivationSource& source) {
    // Asked after every edit of the document; a reset for nothing would cost the tree its scroll position.
    const auto& shown = m_activations->children;
    const bool same = source == m_activationSource &&
                      std::equal(layers.begin(), layers.end(), shown.begin(), shown.end(),
                                 [](const auto& a, const auto& b) { return a.value == b->value; });
    if (same) return;
    m_activationSource = source;
    m_activations->details = layers.empty() ? QString() : tr("%1 tokens").arg(source.tokens);
    replaceGroup(m_activations, std::move(layers), SourceKind::Activation);
}

void SourceTreeModel::setOutliers(std::set<std::string> names) {
    if (names == m_outliers) return;
    m_outliers = std::move(names);
    if (m_filter.outliersOnly) {
        beginResetModel();
        refilter();
        endResetModel();
        return;
    }
    if (!m_root->visible.empty()) {
        Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, 0), {OutlierRole});
    }
}

bool SourceTreeModel::hasOutliers(const Node& node) const {
    if (m_outliers.empty()) return false;
    switch (node.kind) {
        case SourceKind::Tensor:
            return m_outliers.contains(node.entry->name) ||
                   m_outliers.contains(layerNameOf(node.entry->name));
        case SourceKind::Activation:
            return m_outliers.contains(node.value);
        case SourceKind::Block:
            return std::any_of(node.children.begin(), node.children.end(),
                               [this](const auto& child) { return hasOutliers(*child); });
        default:
            return false;
    }
}

void SourceTreeModel::setFilter(const SourceFilter& filter) {
    if (filter == m_filter) return;
    beginResetModel();
    m_filter = filter;
    refilter();
    endResetModel();
}

/// Fills `visible` below `node`; true when the node itself stays.
bool SourceTreeModel::applyFilter(Node& node) {
    node.visible.clear();
    for (const auto& child : node.children) {
        if (!applyFilter(*child)) continue;
        child->row = static_cast<int>(node.visible.size());
        node.visible.push_back(child.get());
    }
    switch (node.kind) {
        case SourceKind::Tensor: {
            const bool accepted = m_filter.isEmpty() || m_filter.accepts(*node.entry, hasOutliers(node));
            m_matches += accepted ? 1 : 0;
            return accepted;
        }
        case SourceKind::File:
        case SourceKind::Synthetic:
        case SourceKind::Activation:
            return m_filter.isEmpty() ||
                   (m_filter.dtypes.empty() && !m_filter.moreThan && !m_filter.lessThan &&
                    m_filter.acceptsName(node.label, hasOutliers(node)));
        case SourceKind::Checkpoint:
            return m_filter.isEmpty() || !node.visible.empty();
        default:
            return !node.visible.empty();
    }
}

void SourceTreeModel::refilter() {
    m_matches = 0;
    applyFilter(*m_root);
}

std::optional<MatrixSource> SourceTreeModel::matrixSource(const QModelIndex& index) const {
    const Node* node = nodeOf(index);
    switch (node->kind) {
        case SourceKind::Tensor:
            return TensorSource{node->owner()->value, node->entry->name};
        case SourceKind::Synthetic:
            return SyntheticSource{node->value};
        case SourceKind::Activation: {
            ActivationSource source = m_activationSource;
            source.layer = node->value;
            return source;
        }
        default:
            return std::nullopt;
    }
}

std::string SourceTreeModel::pathOf(const QModelIndex& index) const {
    const Node* node = nodeOf(index);
    if (node->kind == SourceKind::File) return node->value;
    const Node* owner = node->owner();
    return owner ? owner->value : std::string();
}

QModelIndex SourceTreeModel::indexOf(const MatrixSource& source) const {
    const auto search = [&](const auto& self, const Node& node) -> const Node* {
        for (const Node* child : node.visible) {
            if (child->visible.empty() && matrixSource(indexOf(child)) == source) return child;
            if (const Node* found = self(self, *child)) return found;
        }
        return nullptr;
    };
    const Node* found = search(search, *m_root);
    return found ? indexOf(found) : QModelIndex();
}

SourceTreeModel::Node* SourceTreeModel::nodeOf(const QModelIndex& index) const {
    return index.isValid() ? static_cast<Node*>(index.internalPointer()) : m_root.get();
}

QModelIndex SourceTreeModel::indexOf(const Node* node) const {
    return node == m_root.get() ? QModelIndex() : createIndex(node->row, 0, node);
}

QModelIndex SourceTreeModel::index(int row, int column, const QModelIndex& parent) const {
    const Node* node = nodeOf(parent);
    if (column != 0 || row < 0 || row >= static_cast<int>(node->visible.size())) return {};
    return createIndex(row, column, node->visible[static_cast<size_t>(row)]);
}

QModelIndex SourceTreeModel::parent(const QModelIndex& index) const {
    if (!index.isValid()) return {};
    return indexOf(nodeOf(index)->parent);
}

int SourceTreeModel::rowCount(const QModelIndex& parent) const {
    return parent.column() > 0 ? 0 : static_cast<int>(nodeOf(parent)->visible.size());
}

int SourceTreeModel::columnCount(const QModelIndex&) const {
    return 1;
}

QVariant SourceTreeModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    const Node& node = *nodeOf(index);
    switch (role) {
        case Qt::DisplayRole:
            return node.label;
        case DetailsRole:
            if (!node.entry) return node.details;
            return QString(dtypeText(node.entry->dtype) + QLatin1Char(' ') + shapeText(node.entry->shape));
        case OutlierRole:
            return hasOutliers(node);
        case KindRole:
            return static_cast<int>(node.kind);
        case KeyRole:
            return node.key;
        case Qt::ToolTipRole:
            return tipOf(node);
        default:
            return {};
    }
}

QString SourceTreeModel::tipOf(const Node& node) const {
    QString tip = node.tip;
    if (node.entry) {
        const TensorEntry& entry = *node.entry;
        const int64_t count = elementCount(entry.shape);
        const double bits =
            count > 0 ? 8.0 * static_cast<double>(entry.bytes) / static_cast<double>(count) : 0;
        tip = tr("%1\n%2, %3, %4 elements\n%5 in the file, %6 bits per weight")
                  .arg(QString::fromStdString(entry.name), dtypeText(entry.dtype), shapeText(entry.shape))
                  .arg(count)
                  .arg(byteSizeText(entry.bytes))
                  .arg(bits, 0, 'g', 4);
    } else if (node.checkpoint) {
        tip = tr("%1\n%2, %3 tensors, %4")
                  .arg(node.key, QString::fromStdString(node.checkpoint->format()))
                  .arg(node.checkpoint->tensors().size())
                  .arg(node.details);
    }
    if (hasOutliers(node)) tip += tr("\nHas outlier channels: activations of magnitude 6 or more");
    return tip;
}

Qt::ItemFlags SourceTreeModel::flags(const QModelIndex& index) const {
    if (!index.isValid()) return Qt::NoItemFlags;
    Qt::ItemFlags flags = Qt::ItemIsEnabled | Qt::ItemIsSelectable;
    if (nodeOf(index)->children.empty()) flags |= Qt::ItemNeverHasChildren;
    return flags;
}

}  // namespace quantscope
