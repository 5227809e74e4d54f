// SPDX-License-Identifier: Apache-2.0
// One program for src/export: each file gives one class of tests.
#include <QCoreApplication>
#include <QtTest>
#include <memory>

#include "export_inputs.h"

int main(int argc, char** argv) {
    const QCoreApplication program(argc, argv);
    int failed = 0;
    for (const auto make : {quantscope::test::layoutsGoldenTest, quantscope::test::doctorTest}) {
        const std::unique_ptr<QObject> tests(make());
        failed += QTest::qExec(tests.get(), argc, argv);
    }
    return failed;
}
