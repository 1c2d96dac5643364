// SPDX-License-Identifier: Apache-2.0
// The table of `docker top`: read from /proc for the usual arguments, by ps(1) for all others.
import AsyncSystem
import Glibc
package import Primitives

/// Titles, and one row per process.
package struct ProcessTable: Sendable, Equatable {
    package let titles: [String]
    package let processes: [[String]]

    /// The rows of `pids`, with columns as `ps <arguments>` has them. No arguments means `-ef`.
    package static func read(pids: [Int32], arguments: String) async throws -> ProcessTable {
        let words = arguments.split(separator: " ").map(String.init)
        if words.isEmpty || words == ["-ef"] || words == ["ef"] {
            return try await Blocking.run { fullTable(pids) }
        }
        if words == ["aux"] || words == ["-aux"] || words == ["u"] {
            return try await Blocking.run { userTable(pids) }
        }
        let output = try await ProcessListing.run(words)
        return try parse(output, pids: Set(pids))
    }

    /// As Docker reads it: the PID column is found by its title; the last column takes the rest of the line.
    package static func parse(_ output: String, pids: Set<Int32>) throws(EngineError) -> ProcessTable {
        let lines = output.split(separator: "\n")
        let titles = (lines.first ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
        guard let column = titles.firstIndex(of: "PID") else {
            throw .internalError("Couldn't find PID field in ps output")
        }
        var rows: [[String]] = []
        for line in lines.dropFirst() {
            let fields = line.split(maxSplits: titles.count - 1, whereSeparator: \.isWhitespace).map {
                $0.trimmingSpaces()
            }
            guard fields.count > column, let pid = Int32(fields[column]), pids.contains(pid) else { continue }
            rows.append(fields)
        }
        return ProcessTable(titles: titles, processes: rows)
    }

    /// `ps -ef`
    private static func fullTable(_ pids: [Int32]) -> ProcessTable {
        let clock = ProcessClock()
        let users = UserNames()
        let rows = pids.compactMap { ProcessReading($0) }.map { process in
            [
                users.name(process.uid), String(process.pid), String(process.parent),
                String(min(99, Int(process.cpuShare(clock) * 100))), clock.start(process),
                process.terminal, clock.time(process), process.command,
            ]
        }
        return ProcessTable(titles: ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"], processes: rows)
    }

    /// `ps aux`
    private static func userTable(_ pids: [Int32]) -> ProcessTable {
        let clock = ProcessClock()
        let users = UserNames()
        let rows = pids.compactMap { ProcessReading($0) }.map { process in
            [
                users.name(process.uid), String(process.pid), oneDecimal(process.cpuShare(clock) * 100),
                oneDecimal(Double(process.residentKiB) * 100 / Double(clock.memoryKiB)), String(process.virtualKiB),
                String(process.residentKiB), process.terminal, process.state, clock.start(process),
                clock.shortTime(process), process.command,
            ]
        }
        return ProcessTable(
            titles: ["USER", "PID", "%CPU", "%MEM", "VSZ", "RSS", "TTY", "STAT", "START", "TIME", "COMMAND"],
            processes: rows)
    }

    private static func oneDecimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded(.down))
        return "\(tenths / 10).\(tenths % 10)"
    }
}

extension Substring {
    fileprivate func trimmingSpaces() -> String {
        var text = self
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
