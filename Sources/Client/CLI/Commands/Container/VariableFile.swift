// SPDX-License-Identifier: Apache-2.0
// Environment variables and labels from flags and files.
import DockerClient
import JSON

/// `-e`, `--env-file`, `-l`, `--label-file`.
enum VariableFile {
    /// Lines of files first, then flags; a name alone takes its value from the caller's environment or is left out.
    static func environment(_ flags: FlagValues, _ environment: [String: String]) throws -> [String] {
        var result: [String] = []
        for path in flags.list("env-file") {
            for line in try lines(path) { try add(line, environment, &result, file: path) }
        }
        for text in flags.list("env") { try add(text, environment, &result, file: nil) }
        return result
    }

    private static func add(
        _ text: String, _ environment: [String: String], _ result: inout [String], file: String?
    ) throws {
        if text.contains("=") {
            let name = String(text.prefix { $0 != "=" })
            if let file {
                if name.contains(where: \.isWhitespace) {
                    throw CommandError("invalid env file (\(file)): variable '\(name)' contains whitespaces")
                }
                if name.isEmpty { throw CommandError("invalid env file (\(file)): no variable name on line '\(text)'") }
            }
            result.append(text)
        } else if let value = environment[text] {
            result.append("\(text)=\(value)")
        } else if file == nil {
            // The bare name tells the daemon to remove the image's variable.
            result.append(text)
        }
    }

    static func labels(_ flags: FlagValues) throws -> JSONObject {
        var labels = JSONObject()
        for text in try flags.list("label-file").flatMap({ try lines($0).filter { $0.contains("=") } })
            + flags.list("label")
        {
            let (name, value) = Text.cut(text, "=") ?? (text, "")
            if name.isEmpty { throw CommandError("invalid label '\(text)': empty name") }
            labels[name] = .string(value)
        }
        return labels
    }

    private static func lines(_ path: String) throws -> [String] {
        guard var bytes = FileText.bytes(path) else { throw CommandError("open \(path): \(ErrnoText.current)") }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
            .map { line in String(line.drop { $0 == " " || $0 == "\t" }) }
            .filter { !$0.isEmpty && !$0.hasPrefix("#") }
    }
}
