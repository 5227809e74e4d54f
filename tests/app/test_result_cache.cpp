// SPDX-License-Identifier: Apache-2.0
#include <QtTest>

#include "app/pipelines/result_cache.h"

using namespace quantscope;

class TestResultCache : public QObject {
    Q_OBJECT
 private slots:
    void findsWhatWasPut();
    void leastRecentlyUsedGoesFirst();
    void replacingCountsOnce();
    void entriesOutliveEviction();
};

void TestResultCache::findsWhatWasPut() {
    ResultCache cache(100);
    QVERIFY(cache.find<int>("a") == nullptr);
    cache.put<int>("a", std::make_shared<const int>(7), 10);
    QCOMPARE(*cache.find<int>("a"), 7);
    QCOMPARE(cache.bytes(), uint64_t{10});
}

void TestResultCache::leastRecentlyUsedGoesFirst() {
    ResultCache cache(30);
    for (const char* key : {"a", "b", "c"}) cache.put<int>(key, std::make_shared<const int>(1), 10);
    QVERIFY(cache.find<int>("a") != nullptr);
    cache.put<int>("d", std::make_shared<const int>(1), 10);
    QVERIFY(cache.find<int>("b") == nullptr);
    QVERIFY(cache.find<int>("a") != nullptr);
    QCOMPARE(cache.size(), size_t{3});
    QCOMPARE(cache.bytes(), uint64_t{30});
}

void TestResultCache::replacingCountsOnce() {
    ResultCache cache(100);
    cache.put<int>("a", std::make_shared<const int>(1), 10);
    cache.put<int>("a", std::make_shared<const int>(2), 20);
    QCOMPARE(*cache.find<int>("a"), 2);
    QCOMPARE(cache.bytes(), uint64_t{20});
    QCOMPARE(cache.size(), size_t{1});
}

void TestResultCache::entriesOutliveEviction() {
    ResultCache cache(10);
    const auto kept = cache.put<int>("a", std::make_shared<const int>(5), 10);
    cache.put<int>("b", std::make_shared<const int>(6), 10);
    QVERIFY(cache.find<int>("a") == nullptr);
    QCOMPARE(*kept, 5);
}

QTEST_APPLESS_MAIN(TestResultCache)
#include "test_result_cache.moc"
