// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPushButton>

#include "app/labs/lab.h"

class QAction;

namespace quantscope {

/// What calibrated methods adapt the weights to, text or saved statistics, and where finished layers are
/// kept: says what is in use, and changes it by its menu.
class CalibrationButton : public QPushButton {
    Q_OBJECT
 public:
    explicit CalibrationButton(QWidget* parent = nullptr);
    void setRequest(const quantscope::LabRequest& request);
    [[nodiscard]] QAction* chooseTextAction() const { return m_chooseText; }
    [[nodiscard]] QAction* useStatisticsAction() const { return m_useStatistics; }
    [[nodiscard]] QAction* saveStatisticsAction() const { return m_saveStatistics; }
    [[nodiscard]] QAction* keepLayersAction() const { return m_keepLayers; }
    [[nodiscard]] QAction* forgetLayersAction() const { return m_forgetLayers; }

 Q_SIGNALS:
    void textChosen(const QString& path);
    void statisticsChosen(const QString& path);
    /// The statistics of the text in use are to be written to `path`.
    void saveRequested(const QString& path);
    /// Empty: finished layers are not kept.
    void resumeFolderChosen(const QString& folder);

 private:
    void chooseText();
    void chooseStatistics();
    void chooseTarget();
    void chooseFolder();
    void describe();
    [[nodiscard]] QString tip() const;

    QAction* m_chooseText;
    QAction* m_useStatistics;
    QAction* m_saveStatistics;
    QAction* m_keepLayers;
    QAction* m_forgetLayers;
    ModelSource m_model;
    bool m_calibrates = false;  ///< a variant needs it
    RunPlaces m_places;
};

}  // namespace quantscope
