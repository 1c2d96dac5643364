// SPDX-License-Identifier: Apache-2.0
// The daemon's log on stderr, a line per event as `key=value`.
import Glibc
import Logging
import Primitives
import Synchronization

/// `time="…" level=info msg="…" container=…`
struct DaemonLog: LogHandler {
    /// Changed by a reload.
    private static let threshold = Mutex(Logger.Level.info)

    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level {
        get { Self.threshold.withLock { $0 } }
        set { _ = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    static func install(level: String) {
        setLevel(level)
        LoggingSystem.bootstrap { _ in DaemonLog() }
    }

    static func setLevel(_ name: String) {
        threshold.withLock { $0 = levels[name] ?? .info }
    }

    private static let levels: [String: Logger.Level] = [
        "debug": .debug, "info": .info, "warn": .warning, "error": .error, "fatal": .critical,
    ]

    func log(event: LogEvent) {
        var line =
            "time=\"\(Timestamp.now().rfc3339Nano)\" level=\(Self.name(event.level)) msg=\(Self.quoted(event.message.description))"
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(Self.quoted(value.description))" }
        line += "\n"
        Self.write(line)
    }

    /// One write(2): lines of several threads do not mix.
    static func write(_ line: String) {
        var line = line
        line.withUTF8 { _ = Glibc.write(2, $0.baseAddress, $0.count) }
    }

    private static func name(_ level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "debug"
        case .info, .notice: "info"
        case .warning: "warning"
        case .error: "error"
        case .critical: "fatal"
        }
    }

    private static func quoted(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.utf8.allSatisfy { $0 > 32 && $0 != 34 && $0 != 61 && $0 < 127 }
        if isPlain { return text }
        var result = "\""
        for character in text {
            switch character {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
        return result + "\""
    }
}
