// SPDX-License-Identifier: Apache-2.0
// Owners of a bind mount's files that differ between the host and the container: `bind-idmap`.
import OCI
package import Primitives

/// Written `uids=DISK-CONTAINER-COUNT#…;gids=…`: what the host's disk calls DISK is CONTAINER inside, and so on for COUNT ids; new
/// files get the owners the other way round. A kind that is left out keeps its ids.
package struct OwnerMap: Codable, Sendable, Equatable {
    /// `size` ids in a row: `disk` on the host's file system is `container` inside.
    package struct Range: Codable, Sendable, Equatable {
        package var disk: UInt32
        package var container: UInt32
        package var size: UInt32
    }

    package private(set) var users: [Range]?
    package private(set) var groups: [Range]?

    package init(_ text: String) throws(EngineError) {
        for part in text.split(separator: ";", omittingEmptySubsequences: false) {
            if part.hasPrefix("uids="), users == nil {
                users = try Self.ranges(part.dropFirst(5), text)
            } else if part.hasPrefix("gids="), groups == nil {
                groups = try Self.ranges(part.dropFirst(5), text)
            } else {
                throw Self.invalid(text, "it is written uids=DISK-CONTAINER-COUNT[#…];gids=DISK-CONTAINER-COUNT[#…]")
            }
        }
    }

    private static func invalid(_ text: String, _ reason: String) -> EngineError {
        .invalidArgument("invalid bind-idmap \"\(text)\": \(reason)")
    }

    private static func ranges(_ list: Substring, _ text: String) throws(EngineError) -> [Range] {
        var result: [Range] = []
        for item in list.split(separator: "#", omittingEmptySubsequences: false) {
            let numbers = item.split(separator: "-", omittingEmptySubsequences: false).map { UInt32($0) }
            guard numbers.count == 3, let disk = numbers[0], let container = numbers[1], let size = numbers[2], size > 0
            else { throw invalid(text, "\"\(item)\" is not DISK-CONTAINER-COUNT") }
            // The last id is nobody's: (uid_t)-1.
            guard UInt32.max - disk >= size, UInt32.max - container >= size else {
                throw invalid(text, "\"\(item)\" goes beyond the last id")
            }
            let range = Range(disk: disk, container: container, size: size)
            func overlap(_ first: UInt32, _ firstSize: UInt32, _ second: UInt32) -> Bool {
                first < second + size && second < first + firstSize
            }
            guard
                !result.contains(where: {
                    overlap($0.disk, $0.size, disk) || overlap($0.container, $0.size, container)
                })
            else { throw invalid(text, "\"\(item)\" overlaps another range") }
            result.append(range)
        }
        // What the kernel takes: user_namespaces(7).
        guard result.count <= 340 else { throw invalid(text, "more than 340 ranges") }
        return result
    }

    /// The mappings of the mount, whose right side is the host's: `users` are those of the container.
    func mappings(_ container: UserMapping?) throws(EngineError) -> (
        users: [RuntimeSpec.IDMapping], groups: [RuntimeSpec.IDMapping]
    ) {
        (
            try Self.translate(users, container?.users, "user"), try Self.translate(groups, container?.groups, "group")
        )
    }

    private static func translate(
        _ ranges: [Range]?, _ container: [UserMapping.Range]?, _ kind: String
    ) throws(EngineError) -> [RuntimeSpec.IDMapping] {
        let known = container ?? [UserMapping.Range(container: 0, host: 0, size: .max)]
        guard let ranges else {
            return known.map { RuntimeSpec.IDMapping(containerID: $0.container, hostID: $0.host, size: $0.size) }
        }
        var result: [RuntimeSpec.IDMapping] = []
        for range in ranges {
            var covered: UInt64 = 0
            for piece in known {
                let first = max(range.container, piece.container)
                let end = min(
                    UInt64(range.container) + UInt64(range.size), UInt64(piece.container) + UInt64(piece.size))
                guard UInt64(first) < end else { continue }
                let size = UInt32(end - UInt64(first))
                covered += UInt64(size)
                result.append(
                    RuntimeSpec.IDMapping(
                        containerID: range.disk + (first - range.container),
                        hostID: piece.host + (first - piece.container),
                        size: size))
            }
            guard covered == UInt64(range.size) else {
                let last = UInt64(range.container) + UInt64(range.size) - 1
                throw .invalidArgument("bind-idmap: the container has no \(kind) \(range.container) to \(last)")
            }
        }
        return result
    }
}
