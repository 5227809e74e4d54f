// SPDX-License-Identifier: Apache-2.0
#include "io/sharded_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "base/atomic_file.h"
#include "io/json_input.h"
#include "io/safetensors_reader.h"
#include "io/utf8.h"

namespace quantscope {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMaxIndexBytes = 256U << 20U;
constexpr uint64_t kMaxConfigBytes = 16U << 20U;
constexpr size_t kMaxShards = 4096;

tl::unexpected<Error> malformed(std::string message, const std::string& field) {
    return fail(ErrorKind::Malformed, std::move(message), printable(field), "Download the model again");
}

bool isPlainFileName(const std::string& name) {
    return isCleanName(name) && name != "." && name != ".." &&
           name.find_first_of("/\\:") == std::string::npos;
}

/// Which tensors the index expects in which shard.
using ShardMap = std::map<std::string, std::set<std::string>>;

Result<ShardMap> readIndex(const fs::path& path) {
    const auto text = readTextFile(path, kMaxIndexBytes);
    if (!text) return fail(text.error());
    const auto document = parseJson(*text);
    if (!document) return fail(document.error());
    const json map = document->is_object() ? document->value("weight_map", json()) : json();
    if (!map.is_object()) return malformed("no object under \"weight_map\"", "weight_map");
    ShardMap shards;
    for (const auto& [tensor, file] : map.items()) {
        if (!file.is_string()) return malformed("the shard is not a file name", tensor);
        const auto name = file.get<std::string>();
        if (!isPlainFileName(name))
            return malformed(fmt::format("\"{}\" is not a plain file name beside the index", printable(name)),
                             tensor);
        shards[name].insert(tensor);
        if (shards.size() > kMaxShards) return malformed("too many shards", "weight_map");
    }
    if (shards.empty()) return malformed("the index names no tensors", "weight_map");
    return shards;
}

Result<SafetensorsContent> openShard(const fs::path& path) {
    const auto file = MappedFile::open(path);
    if (!file) {
        Error error = file.error();
        if (error.kind == ErrorKind::NotFound) {
            error.message = "this shard is missing";
            error.fix = "Put it beside the index, or download the model again";
        }
        return fail(std::move(error));
    }
    return readSafetensors(*file);
}

/// Moves the wanted tensors of a shard to `out`; an error if one is not there.
Status takeTensors(SafetensorsContent content, const std::set<std::string>& wanted, const fs::path& shard,
                   std::vector<StoredTensor>& out) {
    size_t found = 0;
    std::set<std::string_view> missing(wanted.begin(), wanted.end());
    for (StoredTensor& tensor : content.tensors) {
        const auto it = missing.find(tensor.entry.name);
        if (it == missing.end()) continue;
        missing.erase(it);
        out.push_back(std::move(tensor));
        ++found;
    }
    if (found == wanted.size()) return {};
    return fail(Error{ErrorKind::Malformed, "the index expects this tensor here, the shard has none",
                      shard.string(), printable(*missing.begin()), "Download the shard again"});
}

struct Merged {
    std::vector<StoredTensor> tensors;
    Metadata metadata;
    size_t shards = 0;
};

Result<Merged> readSharded(const fs::path& index) {
    const auto shards = readIndex(index);
    if (!shards) return fail(inFile(shards.error(), index.string()));
    Merged merged;
    for (const auto& [name, wanted] : *shards) {
        const fs::path path = index.parent_path() / name;
        auto content = openShard(path);
        if (!content) return fail(content.error());
        merged.metadata.insert(content->metadata.begin(), content->metadata.end());
        if (auto status = takeTensors(std::move(*content), wanted, path, merged.tensors); !status)
            return fail(status.error());
    }
    merged.shards = shards->size();
    return merged;
}

/// Without an index: all given files together.
Result<Merged> readFiles(const fs::path& folder, const std::vector<fs::path>& files) {
    Merged merged;
    for (const fs::path& path : files) {
        auto content = openShard(path);
        if (!content) return fail(content.error());
        merged.metadata.insert(content->metadata.begin(), content->metadata.end());
        std::move(content->tensors.begin(), content->tensors.end(), std::back_inserter(merged.tensors));
    }
    if (auto status = checkNames(merged.tensors); !status)
        return fail(inFile(status.error(), folder.string()));
    merged.shards = files.size();
    return merged;
}

std::vector<fs::path> safetensorsIn(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code code;
    for (fs::directory_iterator it(folder, code), end; !code && it != end; it.increment(code)) {
        if (it->path().extension() == ".safetensors") files.push_back(it->path());
    }
    std::sort(files.begin(), files.end());
    if (files.size() > kMaxShards) files.resize(kMaxShards);
    return files;
}

Result<Merged> readFolder(const fs::path& folder) {
    std::error_code code;
    const fs::path single = folder / "model.safetensors";
    const fs::path index = folder / "model.safetensors.index.json";
    if (fs::exists(single, code)) return readFiles(folder, {single});
    if (fs::exists(index, code)) return readSharded(index);
    const auto files = safetensorsIn(folder);
    if (files.empty())
        return fail(Error{ErrorKind::NotFound,
                          "no safetensors file in this folder",
                          folder.string(),
                          {},
                          "Choose a model folder with config.json and model.safetensors"});
    return readFiles(folder, files);
}

std::string formatName(size_t shards) {
    return shards == 1 ? "safetensors" : fmt::format("safetensors ({} shards)", shards);
}

}  // namespace

Result<std::shared_ptr<const Checkpoint>> openShardedIndex(const fs::path& index) {
    auto merged = readSharded(index);
    if (!merged) return fail(merged.error());
    const fs::path folder = index.has_parent_path() ? index.parent_path() : fs::path(".");
    return std::make_shared<const CheckpointTable>(formatName(merged->shards), folder,
                                                   std::move(merged->tensors), std::move(merged->metadata));
}

Result<std::shared_ptr<const Checkpoint>> openModelFolder(const fs::path& folder) {
    const fs::path config = folder / "config.json";
    auto text = readTextFile(config, kMaxConfigBytes);
    if (!text) {
        Error error = text.error();
        if (error.kind == ErrorKind::NotFound) {
            error.message = "not a model folder: it has no config.json";
            error.fix = "Choose a file, or a folder with config.json and model.safetensors";
        }
        return fail(std::move(error));
    }
    auto merged = readFolder(folder);
    if (!merged) return fail(merged.error());
    merged->metadata.insert_or_assign("config.json", std::move(*text));
    return std::make_shared<const CheckpointTable>(formatName(merged->shards), folder,
                                                   std::move(merged->tensors), std::move(merged->metadata));
}

}  // namespace quantscope
