// SPDX-License-Identifier: Apache-2.0
// What keeps daemons on one machine apart: names of bridge, firewall table and cgroup, derived from the data root.
import Primitives

/// The daemon of `/var/lib/apus` has the plain names; every other data root has names of its own.
struct DaemonInstance: Sendable, Equatable {
    let name: String
    let bridgeName: String
    let cgroupParent: String

    init(dataRoot: String) {
        if dataRoot == DaemonConfiguration().dataRoot {
            name = "default"
            bridgeName = "apus0"
            cgroupParent = "/apus"
            return
        }
        let mark = Self.mark(dataRoot)
        name = mark
        // Link names have at most 15 bytes (IFNAMSIZ).
        bridgeName = "apus-" + mark
        cgroupParent = "/apus-" + mark
    }

    /// FNV-1a of the path, eight digits: stable over restarts and builds.
    private static func mark(_ text: String) -> String {
        var hash: UInt32 = 2_166_136_261
        for byte in text.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// A name for this data root that stays: made once, kept in a file.
    static func identity(dataRoot: String) throws -> String {
        let path = dataRoot + "/engine-id"
        if let known = Files.readNow(path), known.utf8.count >= 32 { return known.filter { !$0.isWhitespace } }
        let hex = Array(Identifier.random().prefix(32))
        let groups = [hex[0..<8], hex[8..<12], hex[12..<16], hex[16..<20], hex[20..<32]]
        let identity = groups.map { String($0) }.joined(separator: "-")
        try Files.writeNow(path, identity + "\n", mode: 0o600)
        return identity
    }
}
