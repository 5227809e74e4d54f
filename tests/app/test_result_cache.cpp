// SPDX-License-Identifier: Apache-2.0
#include <QtTest>

#include "app/pipelines/result_cache.h"
#include "methods/interface/variant_text.h"

using namespace quantscope;

namespace {

struct NameKey {
    std::string name;
    bool operator==(const NameKey&) const = default;
    [[nodiscard]] size_t hash() const { return hashOfAll(name); }
};

/// Another stage with the same members.
struct OtherKey {
    std::string name;
    bool operator==(const OtherKey&) const = default;
    [[nodiscard]] size_t hash() const { return hashOfAll(name); }
};

/// Keys that all meet in one place of the table.
struct MeetingKey {
    int number = 0;
    bool operator==(const MeetingKey&) const = default;
    [[nodiscard]] static size_t hash() { return 7; }
};

std::shared_ptr<const int> number(int value) {
    return std::make_shared<const int>(value);
}

}  // namespace

class TestResultCache : public QObject {
    Q_OBJECT
 private slots:
    void findsWhatWasPut();
    void keysOfTwoStagesAreTwo();
    void equalHashesAreNoEquality();
    void leastRecentlyUsedGoesFirst();
    void replacingCountsOnce();
    void entriesOutliveEviction();
    void recipesAreTold();
    void arithmeticIsPartOfAKey();
};

void TestResultCache::findsWhatWasPut() {
    ResultCache cache(100);
    QVERIFY(cache.find<int>(NameKey{"a"}) == nullptr);
    cache.put<int>(NameKey{"a"}, number(7), 10);
    QCOMPARE(*cache.find<int>(NameKey{"a"}), 7);
    QCOMPARE(cache.bytes(), uint64_t{10});
    QCOMPARE(cache.computations(), uint64_t{1});
}

void TestResultCache::keysOfTwoStagesAreTwo() {
    ResultCache cache(100);
    cache.put<int>(NameKey{"a"}, number(7), 10);
    QVERIFY(cache.find<int>(OtherKey{"a"}) == nullptr);
    QVERIFY(CacheKey(NameKey{"a"}) == CacheKey(NameKey{"a"}));
    QVERIFY(CacheKey(NameKey{"a"}) != CacheKey(OtherKey{"a"}));
}

void TestResultCache::equalHashesAreNoEquality() {
    ResultCache cache(100);
    cache.put<int>(MeetingKey{1}, number(1), 10);
    cache.put<int>(MeetingKey{2}, number(2), 10);
    QCOMPARE(*cache.find<int>(MeetingKey{1}), 1);
    QCOMPARE(*cache.find<int>(MeetingKey{2}), 2);
    QVERIFY(cache.find<int>(MeetingKey{3}) == nullptr);
}

void TestResultCache::leastRecentlyUsedGoesFirst() {
    ResultCache cache(30);
    for (const char* key : {"a", "b", "c"}) cache.put<int>(NameKey{key}, number(1), 10);
    QVERIFY(cache.find<int>(NameKey{"a"}) != nullptr);
    cache.put<int>(NameKey{"d"}, number(1), 10);
    QVERIFY(cache.find<int>(NameKey{"b"}) == nullptr);
    QVERIFY(cache.find<int>(NameKey{"a"}) != nullptr);
    QCOMPARE(cache.size(), size_t{3});
    QCOMPARE(cache.bytes(), uint64_t{30});
}

void TestResultCache::replacingCountsOnce() {
    ResultCache cache(100);
    cache.put<int>(NameKey{"a"}, number(1), 10);
    cache.put<int>(NameKey{"a"}, number(2), 20);
    QCOMPARE(*cache.find<int>(NameKey{"a"}), 2);
    QCOMPARE(cache.bytes(), uint64_t{20});
    QCOMPARE(cache.size(), size_t{1});
    QCOMPARE(cache.computations(), uint64_t{2});
}

void TestResultCache::entriesOutliveEviction() {
    ResultCache cache(10);
    const auto kept = cache.put<int>(NameKey{"a"}, number(5), 10);
    cache.put<int>(NameKey{"b"}, number(6), 10);
    QVERIFY(cache.find<int>(NameKey{"a"}) == nullptr);
    QCOMPARE(*kept, 5);
}

void TestResultCache::recipesAreTold() {
    const Variant gptq = *parseVariant("gptq/int4/group=64");
    QCOMPARE(hashOf(gptq), hashOf(*parseVariant("gptq/int4/group=64")));
    QVERIFY(hashOf(gptq) != hashOf(*parseVariant("gptq/int4/group=64/act-order")));
    QVERIFY(hashOf(MatrixSource(TensorSource{"a", "b"})) != hashOf(MatrixSource(TensorSource{"b", "a"})));
}

void TestResultCache::arithmeticIsPartOfAKey() {
    const Arithmetic best = arithmeticOf(**chooseKernels(detectCpuFeatures()));
    const Arithmetic reference = arithmeticOf(**chooseKernels(detectCpuFeatures(), "reference"));
    QVERIFY(best != reference);
    QCOMPARE(reference.kernels, std::string("reference"));
    QVERIFY(best.hash() != reference.hash());
}

QTEST_APPLESS_MAIN(TestResultCache)
#include "test_result_cache.moc"
