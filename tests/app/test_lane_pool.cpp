// SPDX-License-Identifier: Apache-2.0
// No sleeping for luck: every wait is for a stated event. Run under ThreadSanitizer by the tsan preset.
#include <QtTest>
#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "app/pipelines/latest_lane.h"

using namespace quantscope;

namespace {

using Lane = LatestLane<int>;

void nothingFails(const int&, uint64_t, const Error& error) {
    qFatal("a lane's work failed: %s", describe(error).c_str());
}

void waitUntilIdle(const std::vector<std::unique_ptr<Lane>>& lanes) {
    for (const auto& lane : lanes)
        while (lane->busy()) std::this_thread::yield();
}

}  // namespace

class TestLanePool : public QObject {
    Q_OBJECT
 private slots:
    void fortyLanesShareTwoThreads();
    void oneLaneRunsOneJobAtATime();
    void aLaneThatWaitsEndsAtOnce();
    void lanesTakeTurns();
    void startHookRunsOnEachThread();
};

void TestLanePool::fortyLanesShareTwoThreads() {
    LanePool pool(2);
    std::mutex mutex;
    std::set<std::thread::id> threads;
    std::atomic<int> answered{0};
    std::vector<std::unique_ptr<Lane>> lanes;
    for (int i = 0; i < 40; ++i) {
        lanes.push_back(std::make_unique<Lane>(
            pool,
            [&](const int&, uint64_t, const std::stop_token&) {
                const std::lock_guard lock(mutex);
                threads.insert(std::this_thread::get_id());
                ++answered;
            },
            nothingFails));
    }
    for (int round = 0; round < 25; ++round) {
        for (const auto& lane : lanes) lane->submit(round);
        waitUntilIdle(lanes);
    }
    QCOMPARE(answered.load(), 40 * 25);
    QVERIFY(threads.size() <= 2);
    QVERIFY(!threads.contains(std::this_thread::get_id()));
    QCOMPARE(pool.threads(), 2);
}

void TestLanePool::oneLaneRunsOneJobAtATime() {
    LanePool pool(4);
    std::atomic<int> running{0};
    bool together = false;
    int plain = 0;  // without a lock: the lane alone touches it
    Lane lane(
        pool,
        [&](const int&, uint64_t, const std::stop_token&) {
            together = together || running.fetch_add(1) != 0;
            ++plain;
            --running;
        },
        nothingFails);
    for (int i = 0; i < 20'000; ++i) lane.submit(i);
    while (lane.busy()) std::this_thread::yield();
    QVERIFY(!together);
    QVERIFY(plain > 0);
}

/// A page is closed while another document's long job has the only thread.
void TestLanePool::aLaneThatWaitsEndsAtOnce() {
    LanePool pool(1);
    std::promise<void> started;
    std::promise<void> release;
    auto released = release.get_future().share();
    Lane busy(
        pool,
        [&](const int&, uint64_t, const std::stop_token&) {
            started.set_value();
            released.wait();
        },
        nothingFails);
    busy.submit(1);
    started.get_future().wait();
    bool ran = false;
    {
        Lane waiting(
            pool, [&](const int&, uint64_t, const std::stop_token&) { ran = true; }, nothingFails);
        waiting.submit(1);
        QVERIFY(waiting.busy());
    }
    QVERIFY(!ran);
    QVERIFY(busy.busy());
    release.set_value();
}

/// One that is dragged all the time does not keep the others from their turn.
void TestLanePool::lanesTakeTurns() {
    LanePool pool(1);
    std::atomic<bool> other{false};
    std::atomic<int> dragged{0};
    std::promise<void> started;
    std::unique_ptr<Lane> drag;
    drag = std::make_unique<Lane>(
        pool,
        [&](const int& request, uint64_t, const std::stop_token&) {
            if (request == 0) started.set_value();
            ++dragged;
            if (!other) drag->submit(request + 1);
        },
        nothingFails);
    drag->submit(0);
    started.get_future().wait();
    Lane quiet(
        pool, [&](const int&, uint64_t, const std::stop_token&) { other = true; }, nothingFails);
    quiet.submit(1);
    while (quiet.busy() || drag->busy()) std::this_thread::yield();
    QVERIFY(other.load());
    drag.reset();
}

void TestLanePool::startHookRunsOnEachThread() {
    std::mutex mutex;
    std::set<std::thread::id> hooked;
    std::promise<std::thread::id> worked;
    LanePool pool(2, [&] {
        const std::lock_guard lock(mutex);
        hooked.insert(std::this_thread::get_id());
    });
    Lane lane(
        pool,
        [&](const int&, uint64_t, const std::stop_token&) { worked.set_value(std::this_thread::get_id()); },
        nothingFails);
    lane.submit(1);
    const std::thread::id thread = worked.get_future().get();
    const std::lock_guard lock(mutex);
    QVERIFY(hooked.contains(thread));
    QVERIFY(!hooked.contains(std::this_thread::get_id()));
}

QTEST_APPLESS_MAIN(TestLanePool)
#include "test_lane_pool.moc"
