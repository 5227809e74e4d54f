// SPDX-License-Identifier: Apache-2.0
// What the matmul pipeline computes again and what it finds.
#include <QtTest>

#include "app/experiment/matmul_part.h"
#include "app/pipelines/matmul_pipeline.h"
#include "support/other_kernels.h"
#include "support/paths.h"

using namespace quantscope;

class TestMatmulPipeline : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase() {
        const auto samples = findSamples(test::sourcePath());
        QVERIFY2(samples.has_value(), samples ? "" : describe(samples.error()).c_str());
        m_experiment = sampleExperiment(*samples);
    }

    /// Another cell or step is a trace; a new name is no new product.
    void lookingComputesNothing() {
        const auto first = run(m_experiment);
        QVERIFY(!first->error && first->complete);
        const uint64_t before = m_pipeline.computations();
        QVERIFY(before >= m_experiment.part<MatmulPart>().products.size());
        LabRequest looked(m_experiment);
        auto& view = looked.views.edit<MatmulView>();
        view.row = 1;
        view.channel = 1;
        looked.experiment.edit<MatmulPart>().products[1].name = "another name";
        const auto second = run(looked);
        QCOMPARE(m_pipeline.computations(), before);
        QCOMPARE(second->variants[1].title, std::string("another name"));
        QVERIFY(second->trace && second->trace->row == 1);
    }

    void whatChangesIsComputed() {
        run(m_experiment);
        const uint64_t before = m_pipeline.computations();
        Experiment changed = m_experiment;
        changed.edit<MatmulPart>().products[1] = *parseVariant("int4/channel @act=int8/token");
        const auto results = run(changed);
        QVERIFY(!results->variants[1].error);
        const uint64_t own = results->variants[1].requantized ? 2 : 1;
        QCOMPARE(m_pipeline.computations(), before + own);
    }

    /// Two kernel tables are two computations, and each finds its own again.
    void everyKernelTableHasItsOwn() {
        const std::string other = test::anotherTable(*m_kernels);
        if (other.empty()) QSKIP("this machine runs one kernel table");
        run(m_experiment);
        const uint64_t before = m_pipeline.computations();
        const std::string best(m_kernels->active().name);
        QVERIFY(m_kernels->choose(other).has_value());
        run(m_experiment);
        const uint64_t both = m_pipeline.computations();
        QVERIFY(both >= before + m_experiment.part<MatmulPart>().products.size());
        QVERIFY(m_kernels->choose(best).has_value());
        run(m_experiment);
        QCOMPARE(m_pipeline.computations(), both);
    }

 private:
    std::shared_ptr<const MatmulResults> run(const LabRequest& request) {
        std::shared_ptr<const MatmulResults> last;
        m_pipeline.run(request, ++m_sequence, {}, [&](auto results) { last = std::move(results); });
        return last;
    }

    std::unique_ptr<KernelSet> m_kernels = *KernelSet::open(detectCpuFeatures());
    SourceLibrary m_sources{*m_kernels};
    MatmulPipeline m_pipeline{m_sources, *m_kernels};
    uint64_t m_sequence = 0;
    Experiment m_experiment;
};

QTEST_APPLESS_MAIN(TestMatmulPipeline)
#include "test_matmul_pipeline.moc"
