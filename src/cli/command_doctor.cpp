// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>

#include "app/export/export_model.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"

namespace quantscope {
namespace {

struct Options {
    std::string file;
    std::string reference;
    bool json = false;
};

std::string_view verdictText(Verdict verdict) {
    if (verdict == Verdict::Agrees) return "ok";
    return verdict == Verdict::Contradicts ? "wrong" : "unknown";
}

OrderedJson toJson(const LayoutReport& report) {
    OrderedJson findings = OrderedJson::array();
    for (const LayoutFinding& finding : report.findings)
        findings.push_back({{"question", questionName(finding.question)},
                            {"verdict", verdictText(finding.verdict)},
                            {"declared", finding.declared},
                            {"found", finding.found},
                            {"evidence", finding.evidence},
                            {"fix", finding.fix}});
    OrderedJson json = {{"layout", report.layout},
                        {"layers", report.layers},
                        {"examined", report.examined},
                        {"healthy", report.healthy()},
                        {"findings", std::move(findings)}};
    if (report.compared) {
        json["relative_error"] = report.relativeError;
        json["relative_error_as_declared"] = report.declaredError;
    }
    return json;
}

void printText(const LayoutReport& report) {
    fmt::print("{}; {} packed layers, {} examined\n", report.layout, report.layers, report.examined);
    for (const LayoutFinding& finding : report.findings) {
        fmt::print("[{}] {}: {}\n", verdictText(finding.verdict), questionName(finding.question),
                   finding.verdict == Verdict::Contradicts
                       ? fmt::format("{}, but the file says: {}", finding.found, finding.declared)
                       : finding.found);
        fmt::print("     {}\n", finding.evidence);
        if (!finding.fix.empty()) fmt::print("     Fix: {}\n", finding.fix);
    }
    if (report.compared)
        fmt::print("error against the reference: {:.4g} of the weights' energy, {:.4g} as declared\n",
                   report.relativeError, report.declaredError);
    fmt::print("{}\n", report.healthy() ? "Nothing contradicts the file." : "The file is not as it says.");
}

int examine(const Options& options, CommandContext& context) {
    const auto report = examineFile(options.file, options.reference, context.sources, terminalJob());
    finishProgress();
    if (!report) return reportError(report.error(), kExitBadInput);
    if (options.json) {
        printJson(toJson(*report));
    } else {
        printText(*report);
    }
    return report->healthy() ? kExitGood : kExitBadInput;
}

}  // namespace

void addDoctorCommand(CLI::App& program, CommandContext& context) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = program.add_subcommand("doctor",
                                               "Say from the data whether a packed file is as its "
                                               "configuration says: zero points off by one, order of "
                                               "nibbles, packing axis (exit 3 if not)");
    command->add_option("file", options->file, "Quantized Hugging Face folder or safetensors file")
        ->required();
    command->add_option("--reference", options->reference,
                        "The float model it was made from: decides what data "
                        "alone leave open");
    command->add_flag("--json", options->json, "Print one JSON object");
    command->callback([options, &context] { context.exitCode = examine(*options, context); });
}

}  // namespace quantscope
