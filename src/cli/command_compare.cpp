// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>

#include "app/pipelines/tensor_pipeline.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"

namespace quantscope {
namespace {

struct Options {
    std::string file;
    std::string tensor;
    std::string synthetic;
    std::string activations;
    std::string text;
    int tokens = 512;
    std::string variants;
    bool json = false;
};

/// "sqnrDb" is written sqnr_db.
std::string snakeCase(const std::string& key) {
    std::string out;
    for (const char c : key) {
        if (c >= 'A' && c <= 'Z') {
            out += '_';
            out += static_cast<char>(c - 'A' + 'a');
        } else {
            out += c;
        }
    }
    return out;
}

Result<MatrixSource> sourceOf(const Options& o) {
    const int given =
        (o.tensor.empty() ? 0 : 1) + (o.synthetic.empty() ? 0 : 1) + (o.activations.empty() ? 0 : 1);
    if (given != 1)
        return fail(ErrorKind::InvalidArgument, "give exactly one of --tensor, --synthetic and --activations",
                    "compare");
    if (!o.synthetic.empty()) return MatrixSource(SyntheticSource{o.synthetic});
    if (o.file.empty()) return fail(ErrorKind::InvalidArgument, "no file is given", "FILE");
    if (!o.tensor.empty()) return MatrixSource(TensorSource{o.file, o.tensor});
    if (o.text.empty())
        return fail(ErrorKind::InvalidArgument, "--activations needs --text, the text to run over", "--text");
    return MatrixSource(ActivationSource{o.file, o.text, o.activations, o.tokens});
}

OrderedJson toJson(const TensorResults& results) {
    OrderedJson variants = OrderedJson::array();
    for (const TensorVariantResult& variant : results.variants) {
        OrderedJson row = {{"name", variant.title}, {"scheme", variantText(variant.variant)}};
        if (variant.error) row["error"] = describe(*variant.error);
        if (variant.report) {
            for (const TensorMetricInfo& info : tensorMetricInfos())
                row[snakeCase(info.key)] = variant.report->metrics.*info.member;
            row["clipped_count"] = variant.report->errors.total.clippedCount;
        }
        variants.push_back(std::move(row));
    }
    const TensorReport& report = results.stage->report;
    return {{"tensor", results.title}, {"stored_as", results.storedAs}, {"rows", report.rows},
            {"cols", report.cols},     {"seconds", results.seconds},    {"variants", std::move(variants)}};
}

void printText(const TensorResults& results) {
    fmt::print("{} ({}): {}\n", results.title, results.storedAs, summaryLine(results.stage->report));
    std::vector<std::string> header = {"variant"};
    for (const TensorMetricInfo& info : tensorMetricInfos())
        header.push_back(info.unit.empty() ? info.label : info.label + " [" + info.unit + "]");
    std::vector<std::vector<std::string>> rows = {header};
    for (const TensorVariantResult& variant : results.variants) {
        std::vector<std::string> row = {variant.title};
        if (variant.error) row.push_back(describe(*variant.error));
        if (variant.report) {
            for (const TensorMetricInfo& info : tensorMetricInfos())
                row.push_back(fmt::format("{:.5g}", variant.report->metrics.*info.member));
        }
        rows.push_back(std::move(row));
    }
    printTable(rows);
}

int compare(const Options& options, CommandContext& context) {
    const auto source = sourceOf(options);
    if (!source) return reportError(source.error(), kExitUsage);
    auto variants = parseVariants(options.variants);
    if (!variants) return reportError(variants.error(), kExitUsage);
    Experiment experiment;
    experiment.edit<TensorPart>().matrix = *source;
    experiment.variants = std::move(*variants);
    TensorPipeline pipeline(context.sources, context.kernels);
    std::shared_ptr<const TensorResults> last;
    pipeline.run(
        experiment, 1, {}, [&](std::shared_ptr<const TensorResults> results) { last = std::move(results); },
        terminalProgress());
    if (!last) return reportError({ErrorKind::Internal, "no result", {}, {}, {}}, kExitBadInput);
    if (last->error) return reportError(*last->error, kExitBadInput);
    if (options.json) printJson(toJson(*last));
    if (!options.json) printText(*last);
    for (const TensorVariantResult& variant : last->variants) {
        if (variant.error) return reportError(*variant.error, kExitBadInput);
    }
    return kExitGood;
}

}  // namespace

void addCompareCommand(CLI::App& program, CommandContext& context) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = program.add_subcommand("compare", "Error of several schemes on one tensor");
    command->add_option("file", options->file, "File or model folder that holds the tensor");
    command->add_option("--tensor", options->tensor, "Name of the tensor");
    command->add_option("--synthetic", options->synthetic,
                        "Generated tensor: normal/rows=512/cols=1024/seed=1");
    command->add_option("--activations", options->activations, "Inputs of this linear layer: blk.0.ffn_down");
    command->add_option("--text", options->text, "Text to run the model over, with --activations");
    command->add_option("--tokens", options->tokens, "Tokens of it")->check(CLI::Range(1, 1 << 20));
    command
        ->add_option("--variants", options->variants,
                     "Schemes separated by ';': \"int8; int4/affine/group=64\"")
        ->required();
    command->add_flag("--json", options->json, "Print one JSON object");
    command->callback([options, &context] { context.exitCode = compare(*options, context); });
}

}  // namespace quantscope
