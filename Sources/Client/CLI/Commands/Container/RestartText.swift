// SPDX-License-Identifier: Apache-2.0
// `--restart on-failure:3`.
import DockerClient
import JSON

/// Reads a restart policy.
enum RestartText {
    static func policy(_ text: String) throws -> JSONValue {
        if text.isEmpty { return ["Name": "", "MaximumRetryCount": 0] }
        guard let (name, count) = Text.cut(text, ":") else {
            return ["Name": .string(text), "MaximumRetryCount": 0]
        }
        if name.isEmpty { throw CommandError("invalid restart policy format: no policy provided before colon") }
        guard let number = Int64(count) else {
            throw CommandError("invalid restart policy format: maximum retry count must be an integer")
        }
        return ["Name": .string(name), "MaximumRetryCount": .int(number)]
    }
}
