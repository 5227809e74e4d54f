// SPDX-License-Identifier: GPL-3.0-or-later
#include "program/command_line.h"

#include <QCommandLineParser>
#include <QRegularExpression>
#include <cstdio>

namespace quantscope {
namespace {

constexpr auto kVersion = QUANTSCOPE_VERSION;

tl::unexpected<Error> usage(const QString& message, const char* option) {
    return fail(ErrorKind::InvalidArgument, message.toStdString(), option, "See quantscope --help");
}

/// "tensor, matmul and model"
QString listOf(const std::vector<LabDescriptor>& labs, const QString& lastSeparator) {
    QString text;
    for (size_t i = 0; i < labs.size(); ++i) {
        if (i > 0) text += i + 1 < labs.size() ? QStringLiteral(", ") : lastSeparator;
        text += QString::fromStdString(labs[i].id);
    }
    return text;
}

Result<QString> labFrom(const QString& name, const std::vector<LabDescriptor>& labs) {
    for (const LabDescriptor& lab : labs)
        if (name == QString::fromStdString(lab.id)) return name;
    return usage(QStringLiteral("there is no lab \"%1\"; labs are %2")
                     .arg(name, listOf(labs, QStringLiteral(" and "))),
                 "--screenshot");
}

Result<QSize> sizeFrom(const QString& text) {
    static const QRegularExpression pattern(QStringLiteral("^(\\d{3,5})[xX](\\d{3,5})$"));
    const auto match = pattern.match(text);
    if (!match.hasMatch()) return usage(QStringLiteral("\"%1\" is not WIDTHxHEIGHT").arg(text), "--size");
    return QSize(match.captured(1).toInt(), match.captured(2).toInt());
}

}  // namespace

Result<ProgramOptions> readCommandLine(const QStringList& arguments, const std::vector<LabDescriptor>& labs) {
    QCommandLineParser parser;
    parser.setApplicationDescription(
        QStringLiteral("Compares quantizations of tensors and language models side by side."));
    const QCommandLineOption help({QStringLiteral("h"), QStringLiteral("help")},
                                  QStringLiteral("This text."));
    const QCommandLineOption version({QStringLiteral("v"), QStringLiteral("version")},
                                     QStringLiteral("The version."));
    const auto option = [](const char* name, const QString& text, const char* value) {
        return QCommandLineOption(QLatin1String(name), text, QLatin1String(value));
    };
    const auto lab =
        option("lab", QStringLiteral("Lab to show: %1.").arg(listOf(labs, QStringLiteral(" or "))), "LAB");
    const auto screenshot =
        option("screenshot",
               QStringLiteral("Draw lab LAB (%1) to the PNG named next, when its results are complete, "
                              "and exit. Works without a display: QT_QPA_PLATFORM=offscreen.")
                   .arg(listOf(labs, QStringLiteral(", "))),
               "LAB");
    const auto open = option("open", QStringLiteral("File or model folder to open."), "FILE");
    const auto tensor = option("tensor", QStringLiteral("Tensor of the opened file to show."), "NAME");
    const auto source =
        option("source", QStringLiteral("Generated tensor to show, for example laplace/rows=512/cols=1024."),
               "SPEC");
    const auto variants = option(
        "variants", QStringLiteral("Variants to compare: \"float; int8; int4/affine/group=64\"."), "LIST");
    const auto theme = option("theme", QStringLiteral("light or dark."), "THEME");
    const auto size = option("size", QStringLiteral("Window size in pixels."), "WxH");
    const auto card =
        option("open-variant", QStringLiteral("Variant whose controls are open: A to F."), "LETTER");
    const auto wait =
        option("wait", QStringLiteral("Seconds a screenshot waits for its results (120)."), "SECONDS");
    const QCommandLineOption present(QStringLiteral("present"),
                                     QStringLiteral("Presentation: large type, thick lines."));
    parser.addOptions(
        {help, version, lab, screenshot, open, tensor, source, variants, theme, size, card, wait, present});
    parser.addPositionalArgument(QStringLiteral("FILE"),
                                 QStringLiteral("Files to open; with --screenshot, the PNG first."),
                                 QStringLiteral("[FILE...]"));
    const bool understood = parser.parse(arguments);
    ProgramOptions options;
    if (parser.isSet(help) || parser.isSet(version)) {
        const QString text = parser.isSet(help)
                                 ? parser.helpText()
                                 : QStringLiteral("quantscope %1\n").arg(QLatin1String(kVersion));
        std::fputs(text.toUtf8().constData(), stdout);
        options.printedAndDone = true;
        return options;
    }
    if (!understood) return usage(parser.errorText(), "");
    options.files = parser.positionalArguments();
    const QCommandLineOption& labOption = parser.isSet(screenshot) ? screenshot : lab;
    if (parser.isSet(labOption)) {
        const auto known = labFrom(parser.value(labOption), labs);
        if (!known) return fail(known.error());
        options.lab = *known;
    }
    if (parser.isSet(screenshot)) {
        if (options.files.isEmpty()) return usage(QStringLiteral("name the PNG to write"), "--screenshot");
        options.screenshot = options.files.takeFirst();
    }
    options.files += parser.values(open);
    options.tensor = parser.value(tensor);
    options.source = parser.value(source);
    options.variants = parser.value(variants);
    options.presentation = parser.isSet(present);
    if (parser.isSet(theme)) {
        const QString name = parser.value(theme);
        if (name != QLatin1String("dark") && name != QLatin1String("light")) {
            return usage(QStringLiteral("themes are light and dark"), "--theme");
        }
        options.dark = name == QLatin1String("dark");
    }
    if (parser.isSet(size)) {
        const auto wanted = sizeFrom(parser.value(size));
        if (!wanted) return fail(wanted.error());
        options.size = *wanted;
    }
    if (parser.isSet(card)) {
        const QString letter = parser.value(card).toUpper();
        options.openVariant = letter.size() == 1 ? letter[0].unicode() - u'A' : -1;
        if (options.openVariant < 0 || options.openVariant >= kMaxVariants) {
            return usage(QStringLiteral("variants are A to F"), "--open-variant");
        }
    }
    if (parser.isSet(wait)) {
        bool isNumber = false;
        options.waitSeconds = parser.value(wait).toDouble(&isNumber);
        if (!isNumber || !(options.waitSeconds > 0))
            return usage(QStringLiteral("a number of seconds"), "--wait");
    }
    return options;
}

}  // namespace quantscope
