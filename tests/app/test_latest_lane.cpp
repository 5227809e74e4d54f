// SPDX-License-Identifier: Apache-2.0
// No sleeping for luck: every wait is for a stated event. Run under ThreadSanitizer by the tsan preset.
#include <QtTest>
#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <new>
#include <stdexcept>
#include <vector>

#include "app/pipelines/latest_lane.h"

using namespace quantscope;

namespace {

void waitUntilIdle(const LatestLane<int>& lane) {
    while (lane.busy()) std::this_thread::yield();
}

void nothingFails(const int&, uint64_t, const Error& error) {
    qFatal("a lane's work failed: %s", describe(error).c_str());
}

}  // namespace

class TestLatestLane : public QObject {
    Q_OBJECT
 private slots:
    void runsWhatIsSubmitted();
    void newestReplacesWhatWaits();
    void newerRequestStopsRefining();
    void previewsAppearDuringADrag();
    void endsWhileBusy();
    void manySubmitsKeepOrder();
    void cancelDropsWhatWaits();
    void workThatThrowsIsAnErrorAndTheLaneGoesOn();
    void aReceiverThatThrowsDoesNotEndTheLane();
};

void TestLatestLane::runsWhatIsSubmitted() {
    std::promise<int> seen;
    LanePool pool(1);
    LatestLane<int> lane(
        pool,
        [&](const int& request, uint64_t sequence, const std::stop_token&) {
            QCOMPARE(sequence, uint64_t{1});
            seen.set_value(request);
        },
        nothingFails);
    QCOMPARE(lane.submit(42), uint64_t{1});
    QCOMPARE(seen.get_future().get(), 42);
}

void TestLatestLane::newestReplacesWhatWaits() {
    std::promise<void> started;
    std::promise<void> release;
    auto released = release.get_future().share();
    std::vector<int> ran;
    LanePool pool(1);
    LatestLane<int> lane(
        pool,
        [&](const int& request, uint64_t, const std::stop_token&) {
            ran.push_back(request);
            if (request == 1) {
                started.set_value();
                released.wait();
            }
        },
        nothingFails);
    lane.submit(1);
    started.get_future().wait();
    lane.submit(2);
    lane.submit(3);
    lane.submit(4);
    release.set_value();
    waitUntilIdle(lane);
    QCOMPARE(ran, (std::vector<int>{1, 4}));
}

void TestLatestLane::newerRequestStopsRefining() {
    std::promise<void> started;
    std::atomic<int> stopped{0};
    LanePool pool(1);
    LatestLane<int> lane(
        pool,
        [&](const int& request, uint64_t, const std::stop_token& refine) {
            if (request != 1) return;
            started.set_value();
            while (!refine.stop_requested()) std::this_thread::yield();
            ++stopped;
        },
        nothingFails);
    lane.submit(1);
    started.get_future().wait();
    lane.submit(2);
    waitUntilIdle(lane);
    QCOMPARE(stopped.load(), 1);
}

void TestLatestLane::previewsAppearDuringADrag() {
    // A preview slower than the events must still be shown: it runs to its end, whatever waits.
    std::atomic<int> shown{0};
    std::atomic<bool> full{false};
    std::atomic<int> last{0};
    LanePool pool(1);
    LatestLane<int> lane(
        pool,
        [&](const int& request, uint64_t, const std::stop_token& refine) {
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
            ++shown;
            last = request;
            full = !refine.stop_requested();
        },
        nothingFails);
    for (int event = 1; event <= 200; ++event) {
        lane.submit(event);
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    waitUntilIdle(lane);
    QCOMPARE(last.load(), 200);
    QVERIFY(full.load());
    QVERIFY(shown.load() >= 2);
    QVERIFY(shown.load() <= 200);
}

void TestLatestLane::endsWhileBusy() {
    std::promise<void> started;
    bool sawStop = false;
    {
        LanePool pool(1);
        LatestLane<int> lane(
            pool,
            [&](const int&, uint64_t, const std::stop_token& refine) {
                started.set_value();
                while (!refine.stop_requested()) std::this_thread::yield();
                sawStop = true;
            },
            nothingFails);
        lane.submit(1);
        started.get_future().wait();
    }
    QVERIFY(sawStop);
}

void TestLatestLane::manySubmitsKeepOrder() {
    std::vector<uint64_t> sequences;
    {
        LanePool pool(1);
        LatestLane<int> lane(
            pool,
            [&](const int&, uint64_t sequence, const std::stop_token&) { sequences.push_back(sequence); },
            nothingFails);
        for (int i = 0; i < 20'000; ++i) lane.submit(i);
        waitUntilIdle(lane);
    }
    QVERIFY(!sequences.empty());
    QVERIFY(std::is_sorted(sequences.begin(), sequences.end()));
    QCOMPARE(sequences.back(), uint64_t{20'000});
}

void TestLatestLane::cancelDropsWhatWaits() {
    std::promise<void> started;
    std::vector<int> ran;
    LanePool pool(1);
    LatestLane<int> lane(
        pool,
        [&](const int& request, uint64_t, const std::stop_token& refine) {
            ran.push_back(request);
            if (request == 1) started.set_value();
            while (request == 1 && !refine.stop_requested()) std::this_thread::yield();
        },
        nothingFails);
    lane.submit(1);
    started.get_future().wait();
    lane.cancel();
    waitUntilIdle(lane);
    QCOMPARE(ran, (std::vector<int>{1}));
}

void TestLatestLane::workThatThrowsIsAnErrorAndTheLaneGoesOn() {
    struct Failure {
        int request;
        uint64_t sequence;
        Error error;
    };
    std::vector<Failure> failures;
    std::vector<int> answered;
    LanePool pool(1);
    LatestLane<int> lane(
        pool,
        [&](const int& request, uint64_t, const std::stop_token&) {
            if (request == 1) throw OutOfMemory("the hidden states", 5'476'083'302);
            if (request == 2) throw std::bad_alloc();
            if (request == 3) throw std::logic_error("a bug");
            if (request == 4) throw request;
            answered.push_back(request);
        },
        [&](const int& request, uint64_t sequence, const Error& error) {
            failures.push_back({request, sequence, error});
        });
    for (int request = 1; request <= 5; ++request) {
        lane.submit(request);
        waitUntilIdle(lane);
    }
    QCOMPARE(answered, (std::vector<int>{5}));
    QCOMPARE(failures.size(), size_t{4});
    for (int i = 0; i < 4; ++i) {
        QCOMPARE(failures[static_cast<size_t>(i)].request, i + 1);
        QCOMPARE(failures[static_cast<size_t>(i)].sequence, static_cast<uint64_t>(i + 1));
    }
    QCOMPARE(failures[0].error.kind, ErrorKind::OutOfMemory);
    QCOMPARE(failures[0].error.message,
             std::string("not enough memory for the hidden states: needs 5.1 GiB"));
    QCOMPARE(failures[1].error.kind, ErrorKind::OutOfMemory);
    QCOMPARE(failures[1].error.message, std::string("not enough memory"));
    QCOMPARE(failures[2].error.kind, ErrorKind::Internal);
    QCOMPARE(failures[2].error.message, std::string("a bug"));
    QCOMPARE(failures[3].error.kind, ErrorKind::Internal);
}

void TestLatestLane::aReceiverThatThrowsDoesNotEndTheLane() {
    std::vector<int> ran;
    LanePool pool(1);
    LatestLane<int> lane(
        pool,
        [&](const int& request, uint64_t, const std::stop_token&) {
            ran.push_back(request);
            if (request == 1) throw std::bad_alloc();
        },
        [](const int&, uint64_t, const Error&) { throw std::bad_alloc(); });
    lane.submit(1);
    waitUntilIdle(lane);
    lane.submit(2);
    waitUntilIdle(lane);
    QCOMPARE(ran, (std::vector<int>{1, 2}));
}

QTEST_APPLESS_MAIN(TestLatestLane)
#include "test_latest_lane.moc"
