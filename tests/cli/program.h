// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QStringList>

#include "support/paths.h"

namespace quantscope::test {

/// What one run of quantscope-cli gave.
struct Outcome {
    int exitCode = -1;  ///< -1: it did not start, did not end in five minutes, or crashed
    QByteArray out;
    QByteArray err;

    [[nodiscard]] QJsonObject json() const { return QJsonDocument::fromJson(out).object(); }
};

inline Outcome runProgram(const QStringList& arguments) {
    QProcess process;
    process.start(QString::fromStdString(binaryPath("bin/quantscope-cli")), arguments);
    Outcome outcome;
    if (process.waitForFinished(300'000) && process.exitStatus() == QProcess::NormalExit)
        outcome.exitCode = process.exitCode();
    outcome.out = process.readAllStandardOutput();
    outcome.err = process.readAllStandardError();
    return outcome;
}

}  // namespace quantscope::test
