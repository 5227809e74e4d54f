// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <atomic>
#include <future>
#include <new>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "base/bytes_text.h"
#include "base/out_of_memory.h"
#include "base/parallel_for.h"
#include "base/work_queue.h"

using namespace quantscope;

class TestExceptions : public QObject {
    Q_OBJECT
 private slots:
    void aLoopCarriesTheFirstExceptionOut_data();
    void aLoopCarriesTheFirstExceptionOut();
    void rangesNotBegunAreLeftOut();
    void everyBodyMayThrow();
    void aLoopInsideALoopCarriesItOut();
    void refusedMemorySaysWhatItWasFor();
    void exceptionsBecomeErrors();
    void sizesForPeople();
    void aQueueRunsOneAfterTheOtherAndDropsTheRest();
};

void TestExceptions::aLoopCarriesTheFirstExceptionOut_data() {
    QTest::addColumn<int>("threads");
    QTest::addColumn<int>("thrower");
    for (const int threads : {1, 2, 8})
        for (const int thrower : {0, 17, 63})
            QTest::addRow("%d threads, item %d", threads, thrower) << threads << thrower;
}

void TestExceptions::aLoopCarriesTheFirstExceptionOut() {
    QFETCH(int, threads);
    QFETCH(int, thrower);
    // A thread of its own: its helpers end with it, and the number of threads of others stays.
    bool caught = false;
    int threadsAfter = 0;
    std::atomic<int> visitsAfter = 0;
    std::thread([&] {
        limitThreadsOfCaller(threads);
        for (int round = 0; round < 20; ++round) {
            caught = false;
            try {
                parallelFor(64, 1, [&](int64_t item, int64_t) {
                    if (item == thrower) throw std::bad_alloc();
                });
            } catch (const std::bad_alloc&) {
                caught = true;
            }
            if (!caught) return;
        }
        threadsAfter = threadCount();
        parallelFor(64, 1, [&](int64_t, int64_t) { ++visitsAfter; });
    }).join();
    QVERIFY(caught);
    QCOMPARE(threadsAfter, threads);
    QCOMPARE(visitsAfter.load(), 64);
}

void TestExceptions::rangesNotBegunAreLeftOut() {
    std::atomic<int> visits = 0;
    bool caught = false;
    std::thread([&] {
        limitThreadsOfCaller(2);
        try {
            parallelFor(1'000'000, 1, [&](int64_t, int64_t) {
                ++visits;
                throw std::runtime_error("at once");
            });
        } catch (const std::runtime_error&) {
            caught = true;
        }
    }).join();
    QVERIFY(caught);
    QVERIFY(visits.load() <= 2);  // one a thread: the first exception leaves nothing to begin
}

void TestExceptions::everyBodyMayThrow() {
    std::atomic<int> caught = 0;
    std::thread([&] {
        limitThreadsOfCaller(8);
        for (int round = 0; round < 200; ++round) {
            try {
                parallelFor(64, 1, [&](int64_t item, int64_t) { throw static_cast<int>(item); });
            } catch (int) {
                ++caught;
            }
        }
    }).join();
    QCOMPARE(caught.load(), 200);
}

void TestExceptions::aLoopInsideALoopCarriesItOut() {
    QVERIFY_EXCEPTION_THROWN(parallelFor(8, 1,
                                         [](int64_t outer, int64_t) {
                                             parallelFor(8, 1, [outer](int64_t inner, int64_t) {
                                                 if (outer == 5 && inner == 3) throw std::bad_alloc();
                                             });
                                         }),
                             std::bad_alloc);
}

void TestExceptions::refusedMemorySaysWhatItWasFor() {
    // Memory is refused by a vector of our own: sanitizers end a program that asks for too much.
    struct Refusing {
        using value_type [[maybe_unused]] = float;
        static void resize(size_t) { throw std::bad_alloc(); }
    } refusing;
    try {
        resizeFor(refusing, size_t{1} << 30, "the logits");
        QFAIL("memory without end");
    } catch (const OutOfMemory& refused) {
        QCOMPARE(refused.error().kind, ErrorKind::OutOfMemory);
        QCOMPARE(refused.error().message, std::string("not enough memory for the logits: needs 4.0 GiB"));
        QCOMPARE(std::string(refused.what()), refused.error().message);
        QVERIFY(!refused.error().fix.empty());
    }
    // More than an address can reach.
    std::vector<float> values;
    QVERIFY_EXCEPTION_THROWN(resizeFor(values, values.max_size() + 1, "the logits"), OutOfMemory);
    resizeFor(values, 10, "the logits");
    QCOMPARE(values.size(), size_t{10});
}

void TestExceptions::exceptionsBecomeErrors() {
    const auto errorOf = [](const auto& exception) {
        try {
            throw exception;
        } catch (...) {
            return errorOfException();
        }
    };
    QCOMPARE(errorOf(OutOfMemory("x", 2048)).message, std::string("not enough memory for x: needs 2.0 KiB"));
    QCOMPARE(errorOf(std::bad_alloc()).kind, ErrorKind::OutOfMemory);
    QCOMPARE(errorOf(std::runtime_error("odd")).kind, ErrorKind::Internal);
    QCOMPARE(errorOf(std::runtime_error("odd")).message, std::string("odd"));
    QCOMPARE(errorOf(42).kind, ErrorKind::Internal);
    const auto noThread = std::make_error_code(std::errc::resource_unavailable_try_again);
    QCOMPARE(errorOf(std::system_error(noThread)).message,
             std::string("not enough memory for another thread"));
    QCOMPARE(errorOf(std::system_error(std::make_error_code(std::errc::io_error))).kind, ErrorKind::Internal);
}

void TestExceptions::sizesForPeople() {
    QCOMPARE(bytesText(17), std::string("17 B"));
    QCOMPARE(bytesText(uint64_t{832} << 20), std::string("832.0 MiB"));
    QCOMPARE(bytesText(5'476'083'302), std::string("5.1 GiB"));
}

void TestExceptions::aQueueRunsOneAfterTheOtherAndDropsTheRest() {
    std::vector<int> ran;
    std::promise<void> all;
    std::promise<void> started;
    std::promise<void> release;
    auto released = release.get_future().share();
    std::thread releaser;
    {
        WorkQueue queue;
        for (int i = 0; i < 5; ++i) queue.add([&, i] { ran.push_back(i); });
        queue.add([&] { all.set_value(); });
        all.get_future().wait();
        QCOMPARE(ran, (std::vector<int>{0, 1, 2, 3, 4}));
        queue.add([&] {
            started.set_value();
            released.wait();
            ran.push_back(5);
        });
        queue.add([&] { ran.push_back(6); });
        started.get_future().wait();
        releaser = std::thread([&release] { release.set_value(); });
    }
    releaser.join();
    QVERIFY(ran.size() >= 6);  // what ran came to its end; what waited may have been dropped
}

QTEST_APPLESS_MAIN(TestExceptions)
#include "test_exceptions.moc"
