// SPDX-License-Identifier: Apache-2.0
// Time to open a checkpoint and list its tensors: 100 GiB sparse files (goal: 1 s, 200 MB resident) and a
// vocabulary of 150,000 tokens.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "io/gguf_writer.h"
#include "io/safetensors_writer.h"

namespace {

using namespace quantscope;

constexpr int64_t kTensors = 3200;
constexpr int64_t kRows = 2048;
constexpr int64_t kCols = 4096;

/// A folder that goes away with the program.
class Folder {
 public:
    Folder() : m_path(std::filesystem::temp_directory_path() / fmt::format("quantscope-bench-{}", getpid())) {
        std::filesystem::create_directories(m_path);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
        std::error_code code;
        std::filesystem::remove_all(m_path, code);
    }
    [[nodiscard]] std::string file(const char* name) const { return (m_path / name).string(); }

 private:
    std::filesystem::path m_path;
};

double residentMiB() {
    int64_t total = 0;
    int64_t resident = 0;
    std::ifstream("/proc/self/statm") >> total >> resident;
    return static_cast<double>(resident * sysconf(_SC_PAGESIZE)) / (1 << 20);
}

void openFile(benchmark::State& state, const std::string& path) {
    for (auto _ : state) {
        auto opened = openCheckpoint(path);
        if (!opened) {
            state.SkipWithError(describe(opened.error()).c_str());
            break;
        }
        benchmark::DoNotOptimize((*opened)->tensors().size());
    }
    state.counters["resident_MiB"] = residentMiB();
    state.counters["file_GiB"] = static_cast<double>(std::filesystem::file_size(path)) / (1 << 30);
}

/// Grows a file with a good directory to its full size without writing data.
void makeSparse(const std::string& path, const std::string& directory, uint64_t dataBytes) {
    std::ofstream(path, std::ios::binary) << directory;
    std::filesystem::resize_file(path, directory.size() + dataBytes);
}

std::string number(uint64_t value, size_t bytes) {
    return {reinterpret_cast<const char*>(&value), bytes};
}

void makeGguf(const std::string& path) {
    std::string text = "GGUF" + number(3, 4) + number(kTensors, 8) + number(0, 8);
    for (int64_t i = 0; i < kTensors; ++i) {
        const std::string name = fmt::format("blk.{}.t{}.weight", i / 40, i % 40);
        text += number(name.size(), 8) + name + number(2, 4) + number(kCols, 8) + number(kRows, 8);
        text += number(0, 4) + number(static_cast<uint64_t>(i * kRows * kCols * 4), 8);
    }
    text.append((32 - text.size() % 32) % 32, '\0');
    makeSparse(path, text, static_cast<uint64_t>(kTensors * kRows * kCols * 4));
}

void makeSafetensors(const std::string& path) {
    std::string text = "{";
    for (int64_t i = 0; i < kTensors; ++i) {
        text += fmt::format(R"({}"layers.{}.t{}":{{"dtype":"F32","shape":[{},{}],"data_offsets":[{},{}]}})",
                            i == 0 ? "" : ",", i / 40, i % 40, kRows, kCols, i * kRows * kCols * 4,
                            (i + 1) * kRows * kCols * 4);
    }
    text += "}";
    makeSparse(path, number(text.size(), 8) + text, static_cast<uint64_t>(kTensors * kRows * kCols * 4));
}

void makeVocabulary(const std::string& path) {
    std::vector<std::string> tokens;
    for (int i = 0; i < 150'000; ++i) tokens.push_back("token" + std::to_string(i));
    const auto status = writeGguf(path, {}, {{"tokenizer.ggml.tokens", tokens}});
    if (!status) fmt::print(stderr, "{}\n", describe(status.error()));
}

}  // namespace

int main(int argc, char** argv) {
    const Folder folder;
    const std::string gguf = folder.file("sparse.gguf");
    const std::string safetensors = folder.file("sparse.safetensors");
    const std::string vocabulary = folder.file("vocabulary.gguf");
    makeGguf(gguf);
    makeSafetensors(safetensors);
    makeVocabulary(vocabulary);
    const auto add = [](const char* name, const std::string& path) {
        benchmark::RegisterBenchmark(name, openFile, path)->Unit(benchmark::kMillisecond);
    };
    add("open_100GiB_gguf", gguf);
    add("open_100GiB_safetensors", safetensors);
    add("open_150k_tokens_gguf", vocabulary);
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
