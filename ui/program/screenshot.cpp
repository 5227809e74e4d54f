// SPDX-License-Identifier: GPL-3.0-or-later
#include "program/screenshot.h"

#include <QCoreApplication>
#include <QPixmap>
#include <cstdio>

#include "shell/main_window.h"
#include "shell/message_bar.h"

namespace quantscope {
namespace {

constexpr int kPollMs = 50;
/// Plots replot through the event loop: a few quiet looks let them paint the last result.
constexpr int kQuietLooks = 4;

}  // namespace

Screenshot::Screenshot(MainWindow* window, QString path, double waitSeconds, QObject* parent)
    : QObject(parent),
      m_window(window),
      m_path(std::move(path)),
      m_waitMs(static_cast<qint64>(1000 * waitSeconds)) {
    m_since.start();
    m_poll.setInterval(kPollMs);
    connect(&m_poll, &QTimer::timeout, this, &Screenshot::look);
    m_poll.start();
}

void Screenshot::look() {
    m_settledLooks = m_window->isSettled() ? m_settledLooks + 1 : 0;
    if (m_settledLooks >= kQuietLooks) return finish(m_window->messageBar()->showsError() ? 3 : 0);
    if (m_since.elapsed() > m_waitMs) {
        std::fputs("quantscope: the results were not complete in time\n", stderr);
        finish(3);
    }
}

void Screenshot::finish(int exitCode) {
    m_poll.stop();
    if (!m_window->grab().save(m_path, "PNG")) {
        std::fprintf(stderr, "quantscope: %s cannot be written\n", qPrintable(m_path));
        exitCode = 3;
    }
    QCoreApplication::exit(exitCode);
}

}  // namespace quantscope
