// SPDX-License-Identifier: Apache-2.0
#if defined(__linux__)
#include <sys/resource.h>
#include <unistd.h>
#endif

#include <QCoreApplication>
#include <QProcess>
#include <QtTest>
#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <numeric>
#include <thread>
#include <vector>

#include "base/atomic_file.h"
#include "base/cpu_features.h"
#include "base/job.h"
#include "base/parallel_for.h"
#include "base/random.h"
#include "base/temporary_name.h"
#include "base/thread_priority.h"

using namespace quantscope;

class TestBase : public QObject {
    Q_OBJECT
 private slots:
    void errorsNameFileFieldAndFix();
    void jobReportsAndStops();
    void jobPartsMapOntoTheWhole();
    void parallelSumsDoNotDependOnThreads();
    void helpersShareTheCallersPriority();
    void parallelForVisitsEveryItemOnce_data();
    void parallelForVisitsEveryItemOnce();
    void loopsOfSeveralThreadsAndLoopsInsideLoops();
    void randomNumbersAreAFunctionOfTheCounter();
    void normalHasUnitVariance();
    void atomicFileReplacesOnCommitOnly();
    void fullDiskLeavesTheOldFile();
    void unwritableFolderIsAnError();
    void whatAKilledProcessLeftIsRemoved();
    void cpuFeaturesCoverThemselves();

 private:
    QTemporaryDir m_folder;
    [[nodiscard]] std::filesystem::path path(const char* name) const {
        return m_folder.filePath(QString::fromLatin1(name)).toStdString();
    }
};

void TestBase::errorsNameFileFieldAndFix() {
    const Error error =
        inFile(Error{ErrorKind::Malformed, "too long", {}, "header", "Use another file"}, "a.gguf");
    QCOMPARE(describe(error), std::string("a.gguf: header: too long. Use another file"));
    QCOMPARE(inFile(error, "b.gguf").file, std::string("a.gguf"));
    QCOMPARE(kindName(error.kind), std::string("malformed"));
}

void TestBase::jobReportsAndStops() {
    std::stop_source stop;
    std::vector<double> seen;
    const Job job(stop.get_token(), [&](const Progress& p) { seen.push_back(p.fraction); });
    QVERIFY(job.proceed(0.0, "start"));
    for (int i = 1; i < 1000; ++i) QVERIFY(job.proceed(i * 1e-6));  // below the smallest step: not reported
    QCOMPARE(seen.size(), size_t{1});
    QVERIFY(job.proceed(1.0));
    QCOMPARE(seen.back(), 1.0);
    stop.request_stop();
    QVERIFY(!job.proceed(1.0));
}

void TestBase::jobPartsMapOntoTheWhole() {
    double last = -1;
    const Job job({}, [&](const Progress& p) { last = p.fraction; });
    QVERIFY(job.part(0.5, 1.0).part(0.0, 0.5).proceed(0.5, "x"));
    QCOMPARE(last, 0.625);
}

void TestBase::parallelSumsDoNotDependOnThreads() {
    std::vector<float> values(100'003);
    const CounterRandom random(3);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(random.normal(i));
    const auto sum = [&] {
        return parallelReduce<double>(
            static_cast<int64_t>(values.size()), 1000,
            [&](int64_t b, int64_t e) {
                return std::accumulate(values.begin() + b, values.begin() + e, 0.0);
            },
            [](double& a, double b) { a += b; });
    };
    limitThreadsOfCaller(1);
    const double one = sum();
    for (const int threads : {2, 3, 8}) {
        limitThreadsOfCaller(threads);
        QCOMPARE(threadCount(), threads);
        QVERIFY(one == sum());
    }
    limitThreadsOfCaller(availableCores());
}

void TestBase::helpersShareTheCallersPriority() {
#if defined(__linux__)
    // Not 0 where the test itself was started under `nice`.
    const int normal = getpriority(PRIO_PROCESS, 0);
    const int background = std::min(19, normal + 10);
    std::atomic<int> lowered = 0;
    std::thread([&] {
        limitThreadsOfCaller(3);
        if (!setPriorityOfCaller(ThreadPriority::Background)) return;
        parallelFor(64, 1, [&](int64_t, int64_t) {
            if (getpriority(PRIO_PROCESS, 0) == background) ++lowered;
        });
    }).join();
    QCOMPARE(lowered.load(), 64);
    QCOMPARE(getpriority(PRIO_PROCESS, 0), normal);
#else
    QSKIP("thread priorities are Linux's");
#endif
}

void TestBase::parallelForVisitsEveryItemOnce_data() {
    QTest::addColumn<int>("count");
    QTest::addColumn<int>("grain");
    for (const int count : {0, 1, 7, 64, 1000})
        for (const int grain : {1, 3, 64, 5000}) QTest::addRow("%d by %d", count, grain) << count << grain;
}

void TestBase::parallelForVisitsEveryItemOnce() {
    QFETCH(int, count);
    QFETCH(int, grain);
    std::vector<std::atomic<int>> visits(static_cast<size_t>(count));
    parallelFor(count, grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++visits[static_cast<size_t>(i)];
    });
    for (const auto& visit : visits) QCOMPARE(visit.load(), 1);
}

void TestBase::loopsOfSeveralThreadsAndLoopsInsideLoops() {
    std::atomic<int64_t> visits = 0;
    std::atomic<int> wide = 0;  // a loop inside a loop must run in its own thread
    const auto caller = [&](int threads) {
        limitThreadsOfCaller(threads);
        for (int64_t round = 0; round < 200; ++round) {
            parallelFor(40, 3, [&](int64_t begin, int64_t end) {
                if (threadCount() != 1) ++wide;
                parallelFor(end - begin, 1, [&](int64_t from, int64_t to) { visits += to - from; });
            });
        }
        if (threadCount() != threads) ++wide;
    };
    std::vector<std::thread> callers;
    for (const int threads : {2, 3, 4}) callers.emplace_back(caller, threads);
    for (std::thread& thread : callers) thread.join();
    QCOMPARE(visits.load(), int64_t{3} * 200 * 40);
    QCOMPARE(wide.load(), 0);
}

void TestBase::randomNumbersAreAFunctionOfTheCounter() {
    const CounterRandom a(1);
    const CounterRandom b(1);
    const CounterRandom otherStream(1, 1);
    double mean = 0;
    for (uint64_t n = 0; n < 100'000; ++n) {
        QCOMPARE(a.bits(n), b.bits(n));
        QVERIFY(a.bits(n) != otherStream.bits(n));
        mean += a.uniform(n) / 100'000;
    }
    QVERIFY(std::abs(mean - 0.5) < 0.005);
}

void TestBase::normalHasUnitVariance() {
    const CounterRandom random(7);
    constexpr int kCount = 200'000;
    double sum = 0;
    double squares = 0;
    double fourth = 0;
    for (uint64_t n = 0; n < kCount; ++n) {
        const double x = random.normal(n);
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
    }
    QVERIFY(std::abs(sum / kCount) < 0.01);
    QVERIFY(std::abs(squares / kCount - 1) < 0.02);
    QVERIFY(std::abs(fourth / kCount - 3) < 0.1);
}

void TestBase::atomicFileReplacesOnCommitOnly() {
    const auto target = path("table.csv");
    QVERIFY(writeTextFile(target, "old").has_value());
    {
        auto file = AtomicFile::create(target);
        QVERIFY(file.has_value());
        QVERIFY(file->write("half a li").has_value());
    }
    QCOMPARE(readTextFile(target, 100).value(), std::string("old"));
    QVERIFY(writeTextFile(target, "new").has_value());
    QCOMPARE(readTextFile(target, 100).value(), std::string("new"));
    QCOMPARE(std::distance(std::filesystem::directory_iterator(target.parent_path()), {}), 1);
    QCOMPARE(readTextFile(target, 2).error().kind, ErrorKind::Unsupported);
    QCOMPARE(readTextFile(path("none"), 2).error().kind, ErrorKind::NotFound);
}

void TestBase::fullDiskLeavesTheOldFile() {
    const auto target = path("full.bin");
    QVERIFY(writeTextFile(target, "old").has_value());
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{4096, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    const Status status = writeTextFile(target, std::string(100'000, 'x'));
    setrlimit(RLIMIT_FSIZE, &before);
    QVERIFY(!status.has_value());
    QCOMPARE(status.error().kind, ErrorKind::CannotWrite);
    QCOMPARE(status.error().file, target.string());
    QCOMPARE(readTextFile(target, 100).value(), std::string("old"));
}

void TestBase::unwritableFolderIsAnError() {
    const Status status = writeTextFile(path("no/such/folder/file"), "x");
    QVERIFY(!status.has_value());
    QCOMPARE(status.error().kind, ErrorKind::CannotWrite);
    QVERIFY(!status.error().fix.empty());
}

void TestBase::whatAKilledProcessLeftIsRemoved() {
    // A process that has ended: nobody else takes its number so soon.
    QProcess ended;
    ended.start(QStringLiteral("true"), {});
    QVERIFY(ended.waitForStarted());
    const qint64 gone = ended.processId();
    QVERIFY(ended.waitForFinished());
    const QTemporaryDir folder;
    const std::filesystem::path root = folder.path().toStdString();
    const std::filesystem::path own = temporaryBeside(root / "model");
    const std::string name = own.filename().string();
    const std::string self = std::to_string(QCoreApplication::applicationPid());
    const auto ofProcess = [&](qint64 process) {
        return std::string(name).replace(name.find(self), self.size(), std::to_string(process));
    };
    const std::string otherMachine = ".model.part-" + std::to_string(gone) + "-........";
    const std::vector<std::string> stay = {name, ofProcess(getppid()), otherMachine, ".model.part-one",
                                           "model.part-" + std::to_string(gone)};
    const std::vector<std::string> go = {ofProcess(gone), ofProcess(gone) + ".abcdef",
                                         ".model.part-" + std::to_string(gone)};
    for (const std::string& each : stay) std::filesystem::create_directories(root / each / "inside");
    for (const std::string& each : go) std::filesystem::create_directories(root / each / "inside");
    QVERIFY(writeTextFile(root / "next.json", "{}").has_value());
    for (const std::string& each : stay) QVERIFY2(std::filesystem::exists(root / each), each.c_str());
    for (const std::string& each : go) QVERIFY2(!std::filesystem::exists(root / each), each.c_str());
}

void TestBase::cpuFeaturesCoverThemselves() {
    const CpuFeatures here = detectCpuFeatures();
    QVERIFY(here.covers(here));
    QVERIFY(here.covers({}));
    CpuFeatures more = here;
    more.amxInt8 = true;
    QCOMPARE(here.covers(more), here.amxInt8);
    QCOMPARE(describe(CpuFeatures{}), std::string("baseline"));
    qInfo("this machine: %s (%s)", cpuName().c_str(), describe(here).c_str());
}

QTEST_GUILESS_MAIN(TestBase)
#include "test_base.moc"
