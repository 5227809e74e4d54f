// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "app/results/number_text.h"
#include "app/results/section.h"
#include "base/job.h"
#include "base/result.h"

namespace quantscope {

/// The engine's advice names what to choose; here the option that chooses it stands beside it.
Error withFlags(Error error);

/// "error: ..." on standard error; gives `exitCode` back, so that commands can return it.
int reportError(const Error& error, int exitCode);

/// One object on standard output. NaN and infinity become null, bytes that are not UTF-8 a replacement sign.
void printJson(const OrderedJson& object);

/// Columns padded to their widest cell; the first is aligned left, the others right. The first row is the
/// header; a shorter one ends with a remark that may be wider than its column.
void printTable(const std::vector<std::vector<std::string>>& rows);

/// The same as a Markdown table.
void printMarkdownTable(const std::vector<std::vector<std::string>>& rows);

/// A job that shows its progress on standard error when that is a terminal, on one line that finishProgress()
/// wipes.
Job terminalJob();
ProgressSink terminalProgress();
void finishProgress();

}  // namespace quantscope
