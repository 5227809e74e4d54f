// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QString>
#include <QTimer>

namespace quantscope {

class MainWindow;

/// Waits until the window shows the complete results of its lab, writes it to a PNG and ends the program: 0
/// when it is complete, 3 when an error is shown instead or the time is up (the picture is written all the
/// same).
class Screenshot : public QObject {
    Q_OBJECT
 public:
    Screenshot(MainWindow* window, QString path, double waitSeconds, QObject* parent = nullptr);

 private:
    void look();
    void finish(int exitCode);

    MainWindow* m_window;
    QString m_path;
    qint64 m_waitMs;
    QElapsedTimer m_since;
    QTimer m_poll;
    int m_settledLooks = 0;
};

}  // namespace quantscope
