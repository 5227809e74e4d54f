// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "methods/interface/layer_result.h"
#include "model/model.h"

namespace quantscope {

/// The layers a long run has finished, a file each, so that the next run goes on where this one was stopped.
/// Files are written atomically (temporary, sync, rename): a stopped run leaves whole layers and nothing
/// else. A file belongs to a key, the text of everything the layer's codes depend on; it holds the key, a
/// checksum, and codes, group parameters, values and transform as the method left them, so that a result read
/// back is the result, bit for bit. Not kept: the trace for pictures.
class FinishedLayers {
 public:
    /// Creates the folder if need be. CannotWrite if that fails.
    static Result<std::shared_ptr<FinishedLayers>> open(const std::filesystem::path& folder);

    /// The layer under that key, if it is there and whole. A damaged file is a note and otherwise as if it
    /// were not there.
    std::optional<LayerResult> find(const LinearInfo& layer, const std::string& key);
    /// Keeps it. CannotWrite names the file.
    Status put(const LinearInfo& layer, const std::string& key, const LayerResult& result);

    [[nodiscard]] const std::filesystem::path& folder() const { return m_folder; }
    /// "12 layers were taken from FOLDER", and the damaged files.
    [[nodiscard]] std::vector<std::string> notes() const;

 private:
    [[nodiscard]] std::filesystem::path fileOf(const LinearInfo& layer, const std::string& key) const;

    std::filesystem::path m_folder;
    int m_taken = 0;
    std::vector<std::string> m_damaged;
};

}  // namespace quantscope
