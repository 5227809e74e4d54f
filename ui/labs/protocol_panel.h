// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <vector>

#include "app/labs/lab.h"
#include "model/evaluation/evaluation.h"

class QLabel;

namespace quantscope {

class HeaderChoice;

/// Says in one sentence what the perplexities measure, and chooses how: the rule, the window's length, the
/// step of a sliding window.
class ProtocolPanel : public QWidget {
    Q_OBJECT
 public:
    explicit ProtocolPanel(QWidget* parent = nullptr);
    void setRequest(const quantscope::LabRequest& request);
    [[nodiscard]] QString sentence() const;
    [[nodiscard]] HeaderChoice* rule() const { return m_rule; }
    [[nodiscard]] HeaderChoice* windowLength() const { return m_window; }
    /// Hidden unless the window slides.
    [[nodiscard]] HeaderChoice* stride() const { return m_stride; }

 Q_SIGNALS:
    /// A person chose; `what` names the change, as undo does.
    void protocolChosen(const quantscope::EvaluationProtocol& protocol, const QString& what);

 private:
    template <class T>
    void choose(T EvaluationProtocol::*member, T value, const QString& what);

    EvaluationProtocol m_protocol;
    QLabel* m_sentence;
    HeaderChoice* m_rule;
    HeaderChoice* m_window;
    HeaderChoice* m_stride;
};

}  // namespace quantscope
