// SPDX-License-Identifier: Apache-2.0
#include "model/calibration/importance_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/byte_reader.h"
#include "io/gguf_writer.h"
#include "io/utf8.h"
#include "model/weights/fingerprint.h"
#include "tensor/mapped_file.h"

namespace quantscope {
namespace {

using Entries = std::map<std::string, ImportanceMatrix::Entry, std::less<>>;

constexpr std::string_view kSums = ".in_sum2";
constexpr std::string_view kCounts = ".counts";
constexpr std::string_view kWeight = ".weight";

bool isGguf(std::span<const std::byte> bytes) {
    constexpr std::string_view kMagic = "GGUF";
    return bytes.size() >= kMagic.size() && std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
}

Status checkSquares(const std::vector<float>& values, const std::string& name) {
    const bool good = std::ranges::all_of(values, [](float v) { return std::isfinite(v) && v >= 0; });
    if (good) return {};
    return fail(ErrorKind::Malformed, "a mean square is negative, infinite or NaN", name,
                "make the matrix again");
}

tl::unexpected<Error> truncated(const std::string& what) {
    return fail(ErrorKind::Malformed, "the file ends inside " + what, what, "get the file again");
}

Result<Entries> readOlderForm(std::span<const std::byte> bytes) {
    ByteReader reader(bytes);
    Entries entries;
    const auto count = reader.take<int32_t>();
    // An entry takes 12 bytes at least.
    if (!count || *count < 1 || static_cast<uint64_t>(*count) > reader.remaining() / 12)
        return fail(ErrorKind::Malformed, "is no importance matrix: an impossible number of entries",
                    "entries");
    for (int32_t i = 0; i < *count; ++i) {
        std::string what = fmt::format("entry {}", i + 1);
        const auto length = reader.take<int32_t>();
        if (!length) return truncated(what);
        const auto name = *length > 0 ? reader.takeText(static_cast<uint64_t>(*length)) : std::nullopt;
        if (!name || !isValidUtf8(*name))
            return fail(ErrorKind::Malformed, "has an impossible name", what, "get the file again");
        what = std::string(*name);
        const auto calls = reader.take<int32_t>();
        const auto values = reader.take<int32_t>();
        if (!calls || !values) return truncated(what);
        if (*calls < 1 || *values < 1)
            return fail(ErrorKind::Malformed, fmt::format("has {} values of {} calls", *values, *calls),
                        what);
        const auto data = reader.takeBytes(static_cast<uint64_t>(*values) * sizeof(float));
        if (!data) return truncated(what);
        ImportanceMatrix::Entry entry;
        entry.tokens = *calls;
        entry.meanSquare.resize(static_cast<size_t>(*values));
        std::memcpy(entry.meanSquare.data(), data->data(), data->size());
        if (Status good = checkSquares(entry.meanSquare, what); !good) return fail(good.error());
        for (float& value : entry.meanSquare) value /= static_cast<float>(*calls);
        entries[what] = std::move(entry);
    }
    return entries;
}

Result<ImportanceMatrix::Entry> entryOf(const Tensor& sums, const Tensor& counts, const std::string& name) {
    if (sums.dtype() != DType::F32 || counts.dtype() != DType::F32 || sums.size() == 0 ||
        counts.size() == 0 || sums.size() % counts.size() != 0)
        return fail(ErrorKind::Malformed, "sums and counts do not fit together", name,
                    "make the matrix again");
    ImportanceMatrix::Entry entry;
    entry.matrices = counts.size();
    const float tokens = counts.floats()[0];
    constexpr float kMost = 9e15F;
    if (!(tokens >= 0 && tokens <= kMost))
        return fail(ErrorKind::Malformed, fmt::format("{} tokens", tokens), name + std::string(kCounts));
    entry.tokens = std::llround(tokens);
    for (const float sum : sums.floats()) entry.meanSquare.push_back(tokens > 0 ? sum / tokens : sum);
    if (Status good = checkSquares(entry.meanSquare, name); !good) return fail(good.error());
    return entry;
}

Result<Entries> readGguf(const Checkpoint& file) {
    Entries entries;
    for (const TensorEntry& tensor : file.tensors()) {
        if (!tensor.name.ends_with(kSums)) continue;
        const std::string name = tensor.name.substr(0, tensor.name.size() - kSums.size());
        const auto sums = file.load(tensor.name);
        if (!sums) return fail(sums.error());
        const auto counts = file.load(name + std::string(kCounts));
        if (!counts)
            return fail(ErrorKind::Malformed, "sums without counts", name + std::string(kCounts),
                        "make the matrix again");
        auto entry = entryOf(*sums, *counts, name);
        if (!entry) return fail(entry.error());
        entries[name] = std::move(*entry);
    }
    if (entries.empty())
        return fail(ErrorKind::Malformed, "is no importance matrix: it has no tensor NAME.in_sum2", "tensors",
                    "give a file that llama-imatrix wrote");
    return entries;
}

}  // namespace

Result<std::shared_ptr<ImportanceMatrix>> ImportanceMatrix::open(const std::filesystem::path& path) {
    const auto inPath = [&](Error error) { return inFile(std::move(error), path.string()); };
    const auto mapped = MappedFile::open(path);
    if (!mapped) return fail(mapped.error());
    Result<Entries> entries = fail(ErrorKind::Internal, {});
    if (isGguf((*mapped)->bytes())) {
        const auto file = openCheckpoint(path);
        if (!file) return fail(file.error());
        entries = readGguf(**file).map_error(inPath);
    } else {
        entries = readOlderForm((*mapped)->bytes()).map_error(inPath);
    }
    if (!entries) return fail(entries.error());
    auto result = std::make_shared<ImportanceMatrix>();
    result->m_path = path.string();
    Fingerprint print;
    print.add((*mapped)->bytes());
    result->m_fingerprint = print.text();
    result->m_entries = std::move(*entries);
    return result;
}

Result<std::shared_ptr<const CalibrationStatistics>> ImportanceMatrix::statistics(const LinearInfo& layer,
                                                                                  const Job&) {
    const std::string name = layer.name + std::string(kWeight);
    const auto refuse = [&](ErrorKind kind, std::string message) {
        Error error{kind, std::move(message), m_path, name, "make one with this model"};
        return tl::unexpected<Error>(std::move(error));
    };
    const auto found = m_entries.find(name);
    if (found == m_entries.end())
        return refuse(ErrorKind::NotFound, "the importance matrix does not list it");
    const Entry& entry = found->second;
    if (entry.matrices != 1) return refuse(ErrorKind::Unsupported, "it lists experts, the layer has none");
    const auto width = static_cast<int64_t>(entry.meanSquare.size());
    if (width != layer.inFeatures) {
        return refuse(
            ErrorKind::InvalidArgument,
            fmt::format("the importance matrix has {} inputs, the layer {}", width, layer.inFeatures));
    }
    auto statistics = std::make_shared<CalibrationStatistics>();
    statistics->channels = width;
    statistics->tokens = entry.tokens;
    statistics->meanSquare.assign(entry.meanSquare.begin(), entry.meanSquare.end());
    return std::shared_ptr<const CalibrationStatistics>(std::move(statistics));
}

Status saveImportanceMatrix(Calibration& calibration, const Model& model, const std::filesystem::path& target,
                            const std::string& textName, const Job& job) {
    const CalibrationOptions& options = calibration.options();
    std::vector<OutputTensor> tensors;
    for (const LinearInfo& layer : model.linears()) {
        if (layer.block < 0) continue;
        const auto seen = calibration.statistics(layer, job);
        if (!seen) return fail(seen.error());
        const auto tokens = static_cast<double>((*seen)->tokens);
        std::vector<float> sums;
        for (const double square : (*seen)->meanSquare) sums.push_back(static_cast<float>(square * tokens));
        const std::string name = layer.name + std::string(kWeight);
        tensors.push_back(outputTensor(name + std::string(kSums),
                                       Tensor::fromFloats({1, layer.inFeatures}, std::move(sums))));
        tensors.push_back(outputTensor(name + std::string(kCounts),
                                       Tensor::fromFloats({1, 1}, {static_cast<float>(tokens)})));
    }
    const auto tokens = static_cast<int64_t>(options.tokens.size());
    const Metadata metadata = {{"general.type", std::string("imatrix")},
                               {"imatrix.datasets", std::vector<std::string>{textName}},
                               {"imatrix.chunk_count", static_cast<uint64_t>(tokens / options.window)},
                               {"imatrix.chunk_size", static_cast<uint64_t>(options.window)}};
    return writeGguf(target, tensors, metadata, job.quiet());
}

}  // namespace quantscope
