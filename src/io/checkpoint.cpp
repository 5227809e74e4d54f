// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint.h"

#include <algorithm>

#include "io/byte_reader.h"
#include "io/csv_reader.h"
#include "io/gguf_reader.h"
#include "io/npy_reader.h"
#include "io/npz_reader.h"
#include "io/safetensors_reader.h"
#include "io/sharded_reader.h"
#include "tensor/mapped_file.h"

namespace quantscope {
namespace {

enum class Format { Gguf, Safetensors, Index, Npy, Npz, Pickle, Csv, Unknown };

bool looksLikeText(std::string_view start) {
    return std::none_of(start.begin(), start.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 && c != '\n' && c != '\r' && c != '\t';
    });
}

/// By the first bytes. A safetensors file starts with a length, then '{'.
Format formatOf(std::span<const std::byte> bytes) {
    const std::string_view start(reinterpret_cast<const char*>(bytes.data()),
                                 std::min<size_t>(bytes.size(), 4096));
    if (start.starts_with("GGUF")) return Format::Gguf;
    if (start.starts_with("\x93NUMPY")) return Format::Npy;
    if (start.starts_with("PK\x03\x04") || start.starts_with("PK\x05\x06")) return Format::Npz;
    // A header of 640 bytes makes a safetensors file begin like a pickle: its length ends in zeros, then '{'.
    const bool safetensors = start.size() >= 9 && start.substr(4, 5) == std::string_view("\0\0\0\0{", 5);
    if (start.starts_with("\x80\x02") && !safetensors) return Format::Pickle;
    const size_t first = start.find_first_not_of(" \t\r\n");
    if (looksLikeText(start)) {
        if (first == std::string_view::npos) return Format::Unknown;
        return start[first] == '{' ? Format::Index : Format::Csv;
    }
    if (start.size() >= 9 && start[8] == '{') return Format::Safetensors;
    return Format::Unknown;
}

tl::unexpected<Error> unknownFormat(const std::filesystem::path& path, bool empty) {
    return fail(Error{empty ? ErrorKind::Malformed : ErrorKind::Unsupported,
                      empty ? "the file is empty" : "not a format this program reads", path.string(),
                      "format", "Choose a GGUF, safetensors, npy, npz or csv file, or a model folder"});
}

}  // namespace

const TensorEntry* Checkpoint::find(std::string_view name) const {
    const auto all = tensors();
    const auto it =
        std::find_if(all.begin(), all.end(), [&](const TensorEntry& t) { return t.name == name; });
    return it == all.end() ? nullptr : &*it;
}

Result<std::shared_ptr<const Checkpoint>> openCheckpoint(const std::filesystem::path& path) {
    std::error_code code;
    if (std::filesystem::is_directory(path, code)) return openModelFolder(path);
    const auto file = MappedFile::open(path);
    if (!file) return fail(file.error());
    switch (formatOf((*file)->bytes())) {
        case Format::Gguf:
            return openGguf(*file);
        case Format::Safetensors:
            return openSafetensors(*file);
        case Format::Index:
            return openShardedIndex(path);
        case Format::Npy:
            return openNpy(*file);
        case Format::Npz:
            return openNpz(*file);
        case Format::Csv:
            return openCsv(*file);
        case Format::Pickle:
            return fail(Error{ErrorKind::Unsupported, "a pickle file, which could run code when read",
                              path.string(), "format", "Convert it with safetensors.torch.save_file"});
        case Format::Unknown:
            break;
    }
    return unknownFormat(path, (*file)->bytes().empty());
}

}  // namespace quantscope
