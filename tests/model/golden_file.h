// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QFile>
#include <QString>
#include <sstream>
#include <string>
#include <vector>

#include "base/cpu_features.h"
#include "kernels/kernel_table.h"
#include "support/paths.h"

namespace quantscope::test {

/// One line of a golden file: a key and its values as text.
struct GoldenRecord {
    std::string key;
    std::vector<std::string> values;
    [[nodiscard]] double number(size_t i) const { return std::stod(values.at(i)); }
};

inline std::string readAll(const std::string& path) {
    QFile file(QString::fromStdString(path));
    return file.open(QIODevice::ReadOnly) ? file.readAll().toStdString() : std::string();
}

/// All records of tests/golden/model/NAME; empty when the file is absent.
inline std::vector<GoldenRecord> readGolden(const std::string& name) {
    std::istringstream lines(readAll(sourcePath("tests/golden/model/" + name)));
    std::vector<GoldenRecord> records;
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line[0] == '#') continue;
        std::istringstream words(line);
        GoldenRecord record;
        words >> record.key;
        for (std::string word; words >> word;) record.values.push_back(word);
        records.push_back(std::move(record));
    }
    return records;
}

inline std::vector<int32_t> intsFrom(const GoldenRecord& record, size_t first) {
    std::vector<int32_t> ids;
    for (size_t i = first; i < record.values.size(); ++i) ids.push_back(std::stoi(record.values[i]));
    return ids;
}

inline const GoldenRecord* findRecord(const std::vector<GoldenRecord>& records, const std::string& key) {
    for (const GoldenRecord& record : records) {
        if (record.key == key) return &record;
    }
    return nullptr;
}

inline const KernelTable& bestKernels() {
    return **chooseKernels(detectCpuFeatures());
}

}  // namespace quantscope::test
