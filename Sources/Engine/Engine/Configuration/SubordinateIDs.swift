// SPDX-License-Identifier: Apache-2.0
// Ids that the administrator gave away for user namespaces: subuid(5), subgid(5).
import Glibc
import Primitives
import Tasks

/// Reads the files and says whose users containers are.
enum SubordinateIDs {
    struct Range: Equatable, Sendable {
        var start: UInt32
        var size: UInt32
    }

    /// Lines of `owner:start:count`; lines that are none are passed over, as shadow's tools do. The lowest range comes first.
    static func ranges(in text: String, of owners: Set<String>) -> [Range] {
        var found: [Range] = []
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count == 3, owners.contains(String(fields[0])), let start = UInt32(fields[1]),
                let size = UInt32(fields[2]), size > 0, UInt64(start) + UInt64(size) <= UInt64(UInt32.max)
            else { continue }
            found.append(Range(start: start, size: size))
        }
        return found.sorted { $0.start < $1.start }
    }

    /// The container's ids count up from 0 through all ranges, as far as there are ids.
    static func mapping(users: [Range], groups: [Range]) -> UserMapping {
        func row(_ ranges: [Range]) -> [UserMapping.Range] {
            var next: UInt32 = 0
            var row: [UserMapping.Range] = []
            for range in ranges {
                row.append(UserMapping.Range(container: next, host: range.start, size: range.size))
                let (end, overflow) = next.addingReportingOverflow(range.size)
                if overflow { return row.dropLast() }
                next = end
            }
            return row
        }
        return UserMapping(users: row(users), groups: row(groups))
    }

    /// `--userns-remap`: `user[:group]` by name or number, or `default`; nil when it is empty.
    static func remapping(_ setting: String, users: String, groups: String) throws(EngineError) -> UserMapping? {
        if setting.isEmpty || setting == "host" { return nil }
        let parts = (setting == "default" ? "dockremap:dockremap" : setting).split(
            separator: ":", omittingEmptySubsequences: false
        ).map(String.init)
        guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else {
            throw .invalidArgument("invalid argument \"\(setting)\" for \"--userns-remap\" flag: use user[:group]")
        }
        let owners = names(ofUser: parts[0])
        let userRanges = ranges(in: users, of: owners)
        guard !userRanges.isEmpty else { throw missing(parts[0], "/etc/subuid", "usermod --add-subuids") }
        var groupRanges = parts.count > 1 ? ranges(in: groups, of: names(ofGroup: parts[1])) : []
        if groupRanges.isEmpty { groupRanges = ranges(in: groups, of: owners) }
        guard !groupRanges.isEmpty else {
            throw missing(parts.count > 1 ? parts[1] : parts[0], "/etc/subgid", "usermod --add-subgids")
        }
        return mapping(users: userRanges, groups: groupRanges)
    }

    private static func missing(_ owner: String, _ file: String, _ command: String) -> EngineError {
        .invalidArgument(
            "Can't create ID mappings: No subordinate ids found for \"\(owner)\" in \(file): give it some with "
                + "`\(command) 165536-231071 \(owner)`")
    }

    /// `--userns-auto-pool`: `start:size`; empty means what the files give to the user `containers`.
    static func pool(_ setting: String, users: String, groups: String) throws(EngineError) -> UserRangePool {
        guard !setting.isEmpty else {
            return UserRangePool(
                users: ranges(in: users, of: ["containers"]), groups: ranges(in: groups, of: ["containers"]))
        }
        let numbers = setting.split(separator: ":", omittingEmptySubsequences: false).map { UInt32($0) }
        guard numbers.count == 2, let start = numbers[0], let size = numbers[1], start > 0, size > 0,
            UInt64(start) + UInt64(size) <= UInt64(UInt32.max)
        else {
            throw .invalidArgument(
                "invalid argument \"\(setting)\" for \"--userns-auto-pool\" flag: use start:size")
        }
        let range = Range(start: start, size: size)
        return UserRangePool(users: [range], groups: [range])
    }

    /// The name and the number of a user: the files may use either.
    private static func names(ofUser text: String) -> Set<String> {
        var found: Set<String> = [text]
        let entry = UInt32(text).map { getpwuid($0) } ?? getpwnam(text)
        if let entry { found.formUnion([String(cString: entry.pointee.pw_name), String(entry.pointee.pw_uid)]) }
        return found
    }

    private static func names(ofGroup text: String) -> Set<String> {
        var found: Set<String> = [text]
        let entry = UInt32(text).map { getgrgid($0) } ?? getgrnam(text)
        if let entry { found.formUnion([String(cString: entry.pointee.gr_name), String(entry.pointee.gr_gid)]) }
        return found
    }
}
