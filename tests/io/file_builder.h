// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QFile>
#include <QString>
#include <QTemporaryDir>
#include <cstdint>
#include <string>
#include <string_view>

#include "io/checkpoint.h"

namespace quantscope::test {

/// Little-endian bytes, one value after the other.
class Bytes {
 public:
    template <class T>
    Bytes& put(T value) {
        m_bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
        return *this;
    }
    Bytes& text(std::string_view text) {  ///< GGUF's form: length, then bytes
        put(static_cast<uint64_t>(text.size()));
        return raw(text);
    }
    Bytes& raw(std::string_view bytes) {
        m_bytes.append(bytes);
        return *this;
    }
    Bytes& zeros(size_t count) {
        m_bytes.append(count, '\0');
        return *this;
    }
    Bytes& pad(size_t alignment) { return zeros((alignment - m_bytes.size() % alignment) % alignment); }
    [[nodiscard]] const std::string& str() const { return m_bytes; }
    operator QByteArray() const { return QByteArray::fromStdString(m_bytes); }

 private:
    std::string m_bytes;
};

/// Writes a file in the folder and gives its path.
inline std::string writeFile(const QTemporaryDir& folder, const QString& name, const QByteArray& bytes) {
    QFile file(folder.filePath(name));
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size())
        qFatal("cannot write a test file");
    return file.fileName().toStdString();
}

/// Empty if opening `path` fails with this kind, names the file, a field that contains `field`, and a fix.
inline QString wrongFailure(const std::string& path, ErrorKind kind, const QString& field) {
    const auto opened = openCheckpoint(path);
    if (opened) return "opened without an error";
    const Error& error = opened.error();
    const QString said = QString::fromStdString(describe(error) + " (" + kindName(error.kind) + ")");
    if (error.kind != kind) return "wrong kind: " + said;
    if (error.file.empty()) return "names no file: " + said;
    if (error.fix.empty()) return "names no fix: " + said;
    if (!QString::fromStdString(error.field).contains(field)) return "wrong field: " + said;
    return {};
}

}  // namespace quantscope::test

Q_DECLARE_METATYPE(quantscope::ErrorKind)
