// SPDX-License-Identifier: Apache-2.0
// The saved form of a state: `{"status": "running", "pid": 1, …}`. Unknown keys are ignored, an unknown status is an error.
import JSON
import Primitives

extension ContainerState: Codable {
    private enum Key: String, CodingKey {
        case status, pid, startedAt, finishedAt, code, oomKilled, error, reason
    }

    package init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: Key.self)
        func run() throws -> Run {
            Run(
                pid: try box.decode(Int32.self, forKey: .pid),
                startedAt: try box.decode(Timestamp.self, forKey: .startedAt))
        }
        func exit() throws -> Exit? {
            guard let finished = try box.decodeIfPresent(Timestamp.self, forKey: .finishedAt) else { return nil }
            return Exit(
                code: try box.decode(Int.self, forKey: .code),
                oomKilled: try box.decodeIfPresent(Bool.self, forKey: .oomKilled) ?? false,
                startedAt: try box.decodeIfPresent(Timestamp.self, forKey: .startedAt) ?? .zero, finishedAt: finished,
                error: try box.decodeIfPresent(String.self, forKey: .error) ?? "")
        }
        func requiredExit() throws -> Exit {
            guard let exit = try exit() else {
                throw DecodingError.keyNotFound(
                    Key.finishedAt, .init(codingPath: box.codingPath, debugDescription: "an exit without its time"))
            }
            return exit
        }
        let status = try box.decode(String.self, forKey: .status)
        switch status {
        case "created":
            let error = try box.decodeIfPresent(String.self, forKey: .error)
            self = .created(
                try error.map { StartFailure(code: try box.decode(Int.self, forKey: .code), error: $0) })
        case "running": self = .running(try run())
        case "paused": self = .paused(try run())
        case "restarting": self = .restarting(try requiredExit())
        case "exited": self = .exited(try requiredExit())
        case "removing": self = .removing(try exit())
        case "dead": self = .dead(try exit(), try box.decodeIfPresent(String.self, forKey: .reason) ?? "")
        default:
            throw DecodingError.dataCorruptedError(
                forKey: .status, in: box, debugDescription: "unknown container status '\(status)'")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var box = encoder.container(keyedBy: Key.self)
        try box.encode(status, forKey: .status)
        if let run {
            try box.encode(run.pid, forKey: .pid)
            try box.encode(run.startedAt, forKey: .startedAt)
        }
        if let exit {
            try box.encode(exit.code, forKey: .code)
            try box.encode(exit.oomKilled, forKey: .oomKilled)
            try box.encode(exit.startedAt, forKey: .startedAt)
            try box.encode(exit.finishedAt, forKey: .finishedAt)
            try box.encode(exit.error, forKey: .error)
        }
        if case .created(let failure?) = self {
            try box.encode(failure.code, forKey: .code)
            try box.encode(failure.error, forKey: .error)
        }
        if case .dead(_, let reason) = self { try box.encode(reason, forKey: .reason) }
    }
}
