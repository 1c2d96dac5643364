// SPDX-License-Identifier: Apache-2.0
// One member of a tar archive, and what may be wrong with one.

/// The header of a member, with PAX and GNU extensions already applied.
package struct TarEntry: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case file
        case hardLink
        case symbolicLink
        case characterDevice
        case blockDevice
        case directory
        case fifo
    }

    package var name: PathBytes
    package var kind: Kind
    /// Permission bits with setuid, setgid and sticky.
    package var mode: UInt32
    package var uid: UInt32
    package var gid: UInt32
    /// Bytes of content that follow.
    package var size: Int64
    package var modified: Int64
    package var modifiedNanoseconds: Int64
    package var linkName: PathBytes
    package var deviceMajor: UInt32
    package var deviceMinor: UInt32
    /// Extended attributes by full name (`security.capability` …).
    package var attributes: [String: [UInt8]]

    package init(
        name: PathBytes, kind: Kind = .file, mode: UInt32 = 0o644, uid: UInt32 = 0, gid: UInt32 = 0, size: Int64 = 0,
        modified: Int64 = 0, modifiedNanoseconds: Int64 = 0, linkName: PathBytes = "", deviceMajor: UInt32 = 0,
        deviceMinor: UInt32 = 0, attributes: [String: [UInt8]] = [:]
    ) {
        self.name = name
        self.kind = kind
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.size = size
        self.modified = modified
        self.modifiedNanoseconds = modifiedNanoseconds
        self.linkName = linkName
        self.deviceMajor = deviceMajor
        self.deviceMinor = deviceMinor
        self.attributes = attributes
    }
}

/// Why bytes are not a tar archive that may be unpacked.
package enum TarError: Error, Sendable, Equatable, CustomStringConvertible {
    case truncated
    case badChecksum
    case badHeader(String)
    case unsupported(String)

    package var description: String {
        switch self {
        case .truncated: "unexpected EOF"
        case .badChecksum: "archive/tar: invalid tar header"
        case .badHeader(let what): "archive/tar: invalid tar header: \(what)"
        case .unsupported(let what): "archive/tar: \(what) is not supported"
        }
    }
}

/// Names of members that stand for deletions (image-spec, layer.md, "Whiteouts").
package enum Whiteout {
    package static let prefix = ".wh."
    package static let opaque = ".wh..wh..opq"
}
