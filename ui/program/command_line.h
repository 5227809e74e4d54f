// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSize>
#include <QString>
#include <QStringList>
#include <vector>

#include "base/result.h"
#include "labs/lab_descriptor.h"

namespace quantscope {

/// What the command line asks of the window.
struct ProgramOptions {
    QStringList files;   ///< to open
    QString tensor;      ///< of the last file
    QString source;      ///< synthetic source instead of a tensor: "laplace/rows=512"
    QString variants;    ///< text form, separated by ';'
    QString screenshot;  ///< PNG to write instead of staying open; empty = none
    QString lab;         ///< id; empty = as last time
    QSize size;          ///< empty = as last time
    bool dark = false;
    bool presentation = false;
    int openVariant = -1;         ///< card to open in the variants panel
    double waitSeconds = 120;     ///< a screenshot gives up after
    bool printedAndDone = false;  ///< --help or --version was answered
};

/// InvalidArgument names the option. Prints for --help and --version.
Result<ProgramOptions> readCommandLine(const QStringList& arguments, const std::vector<LabDescriptor>& labs);

}  // namespace quantscope
