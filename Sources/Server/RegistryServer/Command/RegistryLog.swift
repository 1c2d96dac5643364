// SPDX-License-Identifier: Apache-2.0
// The log of apus-registry on stderr, a line per event as `key=value`.
import Glibc
import JSON
import Logging
import Primitives

/// `time="…" level=info msg="…" path=…`
struct RegistryLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    static func install(level: String) {
        let levels: [String: Logger.Level] = ["debug": .debug, "info": .info, "warn": .warning, "error": .error]
        let threshold = levels[level] ?? .info
        LoggingSystem.bootstrap { _ in RegistryLog(logLevel: threshold) }
    }

    func log(event: LogEvent) {
        var line = "time=\"\(Timestamp.now().rfc3339Nano)\" level=\(event.level) msg=\(Self.quoted("\(event.message)"))"
        for (key, value) in metadata.merging(event.metadata ?? [:], uniquingKeysWith: { $1 }).sorted(by: {
            $0.key < $1.key
        }) {
            line += " \(key)=\(Self.quoted("\(value)"))"
        }
        Self.write(line + "\n")
    }

    /// One write(2): lines of several threads do not mix.
    static func write(_ line: String) {
        var line = line
        line.withUTF8 { _ = Glibc.write(2, $0.baseAddress, $0.count) }
    }

    /// As JSON text: what clients send cannot end a line or bring control characters into a terminal.
    private static func quoted(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.utf8.allSatisfy { $0 > 32 && $0 != 34 && $0 != 61 && $0 != 92 && $0 < 127 }
        return isPlain ? text : String(decoding: JSONValue.string(text).serialize(), as: UTF8.self)
    }
}
