// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "io/checkpoint.h"
#include "io/json_input.h"

namespace {

/// A folder with one shard ("a", four floats named "t") in which each input is the index.
class Folder {
 public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "fuzz-index-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) std::abort();
        m_path = name;
        const std::string header = R"({"t":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})";
        std::string length(8, '\0');
        length[0] = static_cast<char>(header.size());
        std::ofstream(m_path / "a", std::ios::binary) << length << header << std::string(16, '\0');
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(m_path, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    [[nodiscard]] std::filesystem::path index() const { return m_path / "index.json"; }

 private:
    std::filesystem::path m_path;
};

}  // namespace

/// An index opens only when every name in it is that of the file beside it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string text = '{' + std::string(reinterpret_cast<const char*>(data), size);
    static const Folder folder;
    const std::filesystem::path index = folder.index();
    std::ofstream(index, std::ios::binary) << text;
    const auto opened = quantscope::openCheckpoint(index);
    if (!opened) {
        if (opened.error().message.empty() || opened.error().file.empty()) std::abort();
        return 0;
    }
    const auto json = quantscope::parseJson(text);
    for (const auto& [tensor, shard] : json->at("weight_map").items())
        if (tensor != "t" || shard != "a") std::abort();
    if ((*opened)->tensors().size() != 1 || !(*opened)->load("t")) std::abort();
    return 0;
}
