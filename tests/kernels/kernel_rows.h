// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QTest>
#include <string>

#include "base/cpu_features.h"
#include "kernels/kernel_table.h"

namespace quantscope::test {

/// A global row for every table this machine can run; the log says which it cannot.
inline void addTableRows() {
    QTest::addColumn<const KernelTable*>("table");
    const CpuFeatures features = detectCpuFeatures();
    for (const KernelTable* table : kernelTables()) {
        const std::string name(table->name);
        if (features.covers(table->required)) {
            QTest::newRow(name.c_str()) << table;
        } else {
            qInfo("table %s not run: it needs %s", name.c_str(), describe(table->required).c_str());
        }
    }
}

}  // namespace quantscope::test
