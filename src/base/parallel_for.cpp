// SPDX-License-Identifier: Apache-2.0
#include "base/parallel_for.h"

#include <omp.h>
#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace quantscope {
namespace {

/// How long a thread looks for work before it sleeps: longer than the gap between two loops of a forward
/// pass, much shorter than a time slice that somebody else could use.
constexpr std::chrono::microseconds kPatience{50};

/// No thread depends on one wake-up alone: it looks again after this long. A wake-up was lost once (GCC 12,
/// Linux 6.18: the value had changed and both threads slept), and the program with it.
constexpr std::chrono::milliseconds kLookAgain{2};
constexpr std::chrono::milliseconds kHelperLooksAgain{500};

/// Looks until value != old, for a while; false: it is time to sleep.
template <class T>
bool changesSoon(const std::atomic<T>& value, T old) {
    const auto start = std::chrono::steady_clock::now();
    do {
        for (int i = 0; i < 16; ++i) {
            if (value.load(std::memory_order_acquire) != old) return true;
#if defined(__x86_64__)
            __builtin_ia32_pause();
#endif
        }
    } while (std::chrono::steady_clock::now() - start < kPatience);
    return false;
}

/// One parallel loop. It outlives its call until the last helper lets go; a helper that comes too late finds
/// no range left and never touches the body. The first body that throws takes all ranges that nobody has
/// begun with it; the caller throws its exception on when the others have returned.
struct Loop {
    const std::function<void(int64_t, int64_t)>& body;
    const int64_t count;
    const int64_t grain;
    const int64_t ranges;
    std::atomic<int64_t> next{0};
    std::atomic<int64_t> left{ranges};
    std::atomic<int> finished{0};
    std::mutex mutex = {};
    std::condition_variable done = {};
    std::exception_ptr failure = {};

    void work() {
        for (;;) {
            const int64_t range = next.fetch_add(1, std::memory_order_relaxed);
            if (range >= ranges) return;
            int64_t ended = 1;
            try {
                body(range * grain, std::min(count, (range + 1) * grain));
            } catch (...) {
                ended += abandon(std::current_exception());
            }
            if (left.fetch_sub(ended, std::memory_order_acq_rel) == ended) finish();
        }
    }
    /// Ranges that will not be run because of `reason`.
    int64_t abandon(std::exception_ptr reason) {
        {
            const std::scoped_lock lock(mutex);
            if (!failure) failure = std::move(reason);
        }
        return std::max<int64_t>(0, ranges - next.exchange(ranges, std::memory_order_relaxed));
    }
    void finish() {
        {
            const std::scoped_lock lock(mutex);
            finished.store(1, std::memory_order_release);
        }
        done.notify_all();
    }
    void wait() {
        if (changesSoon(finished, 0)) return;
        std::unique_lock lock(mutex);
        while (finished.load(std::memory_order_acquire) == 0) done.wait_for(lock, kLookAgain);
    }
};

/// The processor the calling thread runs on; -1 where the system does not say.
int currentCpu() {
#if defined(__linux__)
    return sched_getcpu();
#else
    return -1;
#endif
}

/// Lets a thread run on every processor of the process but `cpu`.
void keepAway([[maybe_unused]] std::thread& thread, [[maybe_unused]] int cpu) {
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0 || !CPU_ISSET(cpu, &allowed)) return;
    CPU_CLR(cpu, &allowed);
    if (CPU_COUNT(&allowed) > 0) pthread_setaffinity_np(thread.native_handle(), sizeof(allowed), &allowed);
#endif
}

/// A thread that shares the work of another, and the processor it was on last.
struct Helper {
    std::thread thread;
    std::atomic<int> cpu{-1};
};

/// The helpers of one calling thread. Unlike an OpenMP team they owe nobody a barrier: on a busy machine a
/// loop ends when its ranges are done, whether or not every helper has been scheduled meanwhile, and nobody
/// burns the time slices of others by waiting.
class Team {
 public:
    /// A machine without room for another thread's stack gets a smaller team: its loops are only slower.
    explicit Team(int helpers) : m_wanted(helpers) {
        m_helpers.reserve(static_cast<size_t>(helpers));
        for (int i = 0; i < helpers; ++i) {
            auto helper = std::make_unique<Helper>();
            try {
                helper->thread = std::thread([this, self = helper.get()] { help(*self); });
            } catch (const std::exception&) {
                return;
            }
            if (const int cpu = currentCpu(); cpu >= 0) keepAway(helper->thread, cpu);
            m_helpers.push_back(std::move(helper));
        }
    }
    ~Team() {
        announce(nullptr);
        for (const auto& helper : m_helpers) helper->thread.join();
    }
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;

    [[nodiscard]] int wanted() const { return m_wanted; }

    void run(const std::shared_ptr<Loop>& loop) {
        moveAside();
        announce(loop);
        loop->work();
        loop->wait();
    }

 private:
    void announce(std::shared_ptr<Loop> loop) {
        {
            const std::scoped_lock lock(m_mutex);
            m_loop = std::move(loop);
            m_announced.fetch_add(1, std::memory_order_release);
        }
        m_news.notify_all();
    }

    /// A helper that sleeps is woken where it went to sleep. Is that the caller's processor, the helper would
    /// wait until the caller is interrupted, some milliseconds: longer than most loops take.
    void moveAside() {
        const int cpu = currentCpu();
        for (const auto& helper : m_helpers) {
            if (cpu < 0 || helper->cpu.load(std::memory_order_relaxed) != cpu) continue;
            keepAway(helper->thread, cpu);
            helper->cpu.store(-1, std::memory_order_relaxed);
        }
    }

    void help(Helper& self) {
        omp_set_num_threads(1);
        uint32_t seen = 0;
        for (;;) {
            self.cpu.store(currentCpu(), std::memory_order_relaxed);
            changesSoon(m_announced, seen);
            std::shared_ptr<Loop> loop;
            {
                std::unique_lock lock(m_mutex);
                while (m_announced.load(std::memory_order_relaxed) == seen)
                    m_news.wait_for(lock, kHelperLooksAgain);
                loop = m_loop;
                seen = m_announced.load(std::memory_order_relaxed);
            }
            if (!loop) return;  // the calling thread ends
            loop->work();
        }
    }

    int m_wanted;  ///< helpers that were asked for
    std::mutex m_mutex;
    std::shared_ptr<Loop> m_loop;
    std::condition_variable m_news;
    std::atomic<uint32_t> m_announced{0};
    std::vector<std::unique_ptr<Helper>> m_helpers;
};

/// Each calling thread has its own team, so that the window's lanes never wait for one another.
Team& teamOfCaller(int helpers) {
    thread_local std::optional<Team> team;
    if (!team || team->wanted() != helpers) team.emplace(helpers);
    return *team;
}

}  // namespace

int threadCount() {
    return omp_get_max_threads();
}

void limitThreadsOfCaller(int threads) {
    omp_set_num_threads(std::max(1, threads));
}

int availableCores() {
    return std::max(1, omp_get_num_procs());
}

void parallelFor(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
    assert(grain >= 1);
    if (count <= 0) return;
    const int64_t ranges = (count + grain - 1) / grain;
    const int threads = omp_get_max_threads();
    // A single range, one thread, or a loop inside a loop: waking helpers would only cost time.
    if (ranges == 1 || threads == 1 || omp_in_parallel() != 0) {
        for (int64_t begin = 0; begin < count; begin += grain) body(begin, std::min(count, begin + grain));
        return;
    }
    const auto loop = std::shared_ptr<Loop>(new Loop{body, count, grain, ranges});
    Team& team = teamOfCaller(threads - 1);
    // Within the loop this thread, like its helpers, has one thread: loops and libraries inside run in line.
    omp_set_num_threads(1);
    team.run(loop);
    omp_set_num_threads(threads);
    // Taken out of the loop, which a helper that comes too late may hold for longer than this thread lives.
    if (std::exception_ptr failure = std::exchange(loop->failure, nullptr)) std::rethrow_exception(failure);
}

}  // namespace quantscope
