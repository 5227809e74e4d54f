// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/session_file.h"

#include <QJsonDocument>
#include <QJsonObject>

#include "app/experiment/experiment_json.h"
#include "base/atomic_file.h"

namespace quantscope {
namespace {

constexpr uint64_t kSessionLimitBytes = 16u << 20;

QString base64(const QByteArray& bytes) {
    return QString::fromLatin1(bytes.toBase64());
}

QByteArray fromBase64(const QJsonValue& value) {
    return QByteArray::fromBase64(value.toString().toLatin1());
}

}  // namespace

std::string sessionJson(const Session& session, const std::vector<Lab>& known) {
    const std::string experiment = experimentJson(session.request, known);
    QJsonObject root = QJsonDocument::fromJson(QByteArray::fromStdString(experiment)).object();
    root[QStringLiteral("window")] = QJsonObject{
        {QStringLiteral("geometry"), base64(session.window.geometry)},
        {QStringLiteral("docks"), base64(session.window.docks)},
        {QStringLiteral("lab"), session.window.lab},
        {QStringLiteral("dark"), session.window.dark},
    };
    return QJsonDocument(root).toJson().toStdString();
}

Result<Session> parseSession(const std::string& json, const std::vector<Lab>& known) {
    auto request = parseRequest(json, known);
    if (!request) return fail(request.error());
    addMissingParts(request->experiment, known);
    Session session{std::move(*request), {}};
    const QJsonObject window = QJsonDocument::fromJson(QByteArray::fromStdString(json))
                                   .object()
                                   .value(QStringLiteral("window"))
                                   .toObject();
    session.window.geometry = fromBase64(window.value(QStringLiteral("geometry")));
    session.window.docks = fromBase64(window.value(QStringLiteral("docks")));
    session.window.lab = window.value(QStringLiteral("lab")).toString();
    session.window.dark = window.value(QStringLiteral("dark")).toBool();
    return session;
}

Status saveSession(const std::string& path, const Session& session, const std::vector<Lab>& known) {
    return writeTextFile(path, sessionJson(session, known));
}

Result<Session> loadSession(const std::string& path, const std::vector<Lab>& known) {
    const auto text = readTextFile(path, kSessionLimitBytes);
    if (!text) return fail(inFile(text.error(), path));
    auto session = parseSession(*text, known);
    if (!session) return fail(inFile(session.error(), path));
    return session;
}

}  // namespace quantscope
