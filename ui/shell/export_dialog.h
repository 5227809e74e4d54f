// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <vector>

#include "app/experiment/experiment.h"
#include "app/export/export_model.h"

class QComboBox;
class QGridLayout;
class QLabel;
class QLineEdit;
class QPushButton;

namespace quantscope {

class ThemeController;

/// Asks what is to be exported: the variant, the layout (with what it holds and what reads it), the target,
/// and the calibration text where the variant's method needs one.
class ExportDialog : public QDialog {
    Q_OBJECT
 public:
    /// `variant`: index of the one offered first.
    ExportDialog(ThemeController* themes, const Experiment& experiment, int variant,
                 QWidget* parent = nullptr);

    [[nodiscard]] LanguageModelExport request() const;
    void chooseVariant(int variant);
    void chooseLayout(const QString& name);
    void setTarget(const QString& path);
    [[nodiscard]] QString target() const;
    [[nodiscard]] QPushButton* exportButton() const { return m_export; }
    [[nodiscard]] QLineEdit* calibrationField() const { return m_calibration; }

 private:
    void buildFields();
    void addField(QGridLayout* grid, const QString& label, QWidget* field, QWidget* button = nullptr);
    void showChoice();
    void browseTarget();
    void browseCalibration();
    void updateExport();
    [[nodiscard]] const ExportChoice& layoutChoice() const;
    [[nodiscard]] const Variant& variant() const;
    [[nodiscard]] QString suggestedTarget() const;

    ThemeController* m_themes;
    Experiment m_experiment;
    std::vector<ExportChoice> m_choices;
    QComboBox* m_variant;
    QComboBox* m_layout;
    QLabel* m_about;
    QLineEdit* m_target;
    QWidget* m_calibrationRow;
    QLabel* m_calibrationLabel;
    QLineEdit* m_calibration;
    QPushButton* m_export;
    bool m_targetEdited = false;
};

}  // namespace quantscope
