// SPDX-License-Identifier: Apache-2.0
// Reads every #include line of src and ui and fails on one that points against the layers of the design.
#include <QtTest>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "support/paths.h"

namespace fs = std::filesystem;

namespace {

using Allowed = std::map<std::string, std::set<std::string>>;

// What each folder may include, itself and everything below it.
const Allowed& allowedFolders() {
    static const Allowed allowed = [] {
        Allowed a;
        a["base"] = {"base"};
        a["numerics"] = {"base", "numerics"};
        a["tensor"] = {"base", "tensor"};
        a["io"] = {"base", "tensor", "io"};
        a["quant"] = {"base", "numerics", "tensor", "quant"};
        a["kernels"] = {"base", "numerics", "tensor", "quant", "kernels"};
        a["methods"] = {"base", "numerics", "tensor", "quant", "methods"};
        a["model"] = {"base", "numerics", "tensor", "io", "quant", "kernels", "methods", "model"};
        a["export"] = a["model"];
        a["export"].insert("export");
        a["analysis"] = a["model"];
        a["analysis"].insert("analysis");
        a["app"] = a["analysis"];
        a["app"].insert("export");
        a["app"].insert("app");
        a["cli"] = a["app"];
        a["cli"].insert("cli");
        return a;
    }();
    return allowed;
}

// What each folder of the window may include of the window; of the engine, everything but the command line.
const Allowed& allowedWindowFolders() {
    static const Allowed allowed = [] {
        Allowed a;
        a["theme"] = {"theme"};
        a["plots"] = {"theme", "plots"};
        a["widgets"] = {"theme", "plots", "widgets"};
        a["labs"] = {"theme", "plots", "widgets", "labs"};
        a["lessons"] = {"theme", "plots", "widgets", "lessons"};
        a["shell"] = {"theme", "plots", "widgets", "labs", "lessons", "shell"};
        a["program"] = a["shell"];
        a["program"].insert("program");
        a["main.cpp"] = {"program"};
        return a;
    }();
    return allowed;
}

struct Include {
    std::string file;
    std::string target;
    bool quoted;
};

std::vector<Include> includesBelow(const fs::path& folder) {
    static const std::regex pattern(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
    std::vector<Include> includes;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        const auto extension = entry.path().extension();
        if (extension != ".h" && extension != ".cpp" && extension != ".cu" && extension != ".cuh") continue;
        std::ifstream stream(entry.path());
        for (std::string line; std::getline(stream, line);) {
            std::smatch match;
            if (std::regex_search(line, match, pattern))
                includes.push_back({entry.path().string(), match[2], match[1] == "\""});
        }
    }
    return includes;
}

std::string firstPart(const std::string& path) {
    return path.substr(0, path.find('/'));
}

std::string folderOf(const fs::path& root, const std::string& file) {
    return firstPart(fs::relative(file, root).generic_string());
}

bool isQt(const std::string& target) {
    return (target.size() > 1 && target[0] == 'Q' &&
            std::isupper(static_cast<unsigned char>(target[1])) != 0) ||
           target.rfind("Qt", 0) == 0 || target == "qcustomplot.h";
}

}  // namespace

class TestLayers : public QObject {
    Q_OBJECT
 private slots:
    void engineIncludesPointUpwards();
    void windowIncludesPointUpwards();
    void engineKnowsNoQt();
    void onlyPlotsIncludeQCustomPlot();
    void windowHasNoMathematicsLibrary();
    void onlyParallelForNamesOpenMp();
    void aMethodIsKnownToItselfAndTheRegistryOnly();

 private:
    const fs::path m_source = quantscope::test::sourcePath();
};

void TestLayers::engineIncludesPointUpwards() {
    int seen = 0;
    for (const Include& include : includesBelow(m_source / "src")) {
        if (!include.quoted) continue;
        const std::string from = folderOf(m_source / "src", include.file);
        const std::string to = firstPart(include.target);
        QVERIFY2(allowedFolders().contains(from), from.c_str());
        const std::string message = include.file + " includes " + include.target;
        QVERIFY2(allowedFolders().at(from).contains(to), message.c_str());
        ++seen;
    }
    QVERIFY(seen > 20);
}

void TestLayers::windowIncludesPointUpwards() {
    int seen = 0;
    for (const Include& include : includesBelow(m_source / "ui")) {
        if (!include.quoted || include.target == "qcustomplot.h") continue;
        const std::string from = folderOf(m_source / "ui", include.file);
        const std::string to = firstPart(include.target);
        const std::string message = include.file + " includes " + include.target;
        QVERIFY2(allowedWindowFolders().contains(from), from.c_str());
        const bool ofTheEngine = to != "cli" && allowedFolders().contains(to);
        QVERIFY2(ofTheEngine || allowedWindowFolders().at(from).contains(to), message.c_str());
        ++seen;
    }
    QVERIFY(seen > 20);
}

void TestLayers::engineKnowsNoQt() {
    for (const Include& include : includesBelow(m_source / "src")) {
        const std::string message = include.file + " includes " + include.target;
        QVERIFY2(!isQt(include.target), message.c_str());
    }
}

void TestLayers::onlyPlotsIncludeQCustomPlot() {
    for (const Include& include : includesBelow(m_source / "ui")) {
        if (include.target != "qcustomplot.h") continue;
        QCOMPARE(folderOf(m_source / "ui", include.file), std::string("plots"));
    }
}

void TestLayers::windowHasNoMathematicsLibrary() {
    for (const Include& include : includesBelow(m_source / "ui")) {
        const std::string message = include.file + " includes " + include.target;
        QVERIFY2(include.target.rfind("Eigen", 0) != 0 && include.target != "immintrin.h", message.c_str());
    }
}

void TestLayers::onlyParallelForNamesOpenMp() {
    static const std::regex pattern(R"(^\s*#\s*(pragma\s+omp|include\s*<omp\.h>))");
    for (const char* tree : {"src", "ui"}) {
        for (const auto& entry : fs::recursive_directory_iterator(m_source / tree)) {
            if (!entry.is_regular_file() || entry.path().filename() == "parallel_for.cpp") continue;
            std::ifstream stream(entry.path());
            for (std::string line; std::getline(stream, line);)
                QVERIFY2(!std::regex_search(line, pattern), entry.path().c_str());
        }
    }
}

// Beside the registry, the top of src/methods holds methods, one file pair each.
void TestLayers::aMethodIsKnownToItselfAndTheRegistryOnly() {
    const fs::path methods = m_source / "src" / "methods";
    std::set<std::string> headers;
    for (const auto& entry : fs::directory_iterator(methods)) {
        if (entry.path().extension() != ".h" || entry.path().filename() == "registry.h") continue;
        headers.insert("methods/" + entry.path().filename().string());
        QVERIFY2(fs::exists(fs::path(entry.path()).replace_extension(".cpp")), entry.path().c_str());
    }
    QVERIFY(headers.size() > 10);
    for (const char* tree : {"src", "ui"}) {
        for (const Include& include : includesBelow(m_source / tree)) {
            if (!headers.contains(include.target)) continue;
            const fs::path file = fs::relative(include.file, m_source / "src");
            const std::string own = fs::path(file).replace_extension(".h").generic_string();
            const std::string message = include.file + " includes " + include.target;
            QVERIFY2(own == include.target || file == fs::path("methods/registry.cpp"), message.c_str());
        }
    }
}

QTEST_APPLESS_MAIN(TestLayers)
#include "test_layers.moc"
