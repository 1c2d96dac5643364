// SPDX-License-Identifier: Apache-2.0
// Mounts made apart from any tree and attached with all attributes set: fsopen(2), open_tree(2), move_mount(2).
import CLinux
import Glibc

/// MOUNT_ATTR_* of mount_setattr(2).
package struct MountAttributes: OptionSet, Sendable, Hashable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package static let readonly = MountAttributes(rawValue: 0x1)
    package static let nosuid = MountAttributes(rawValue: 0x2)
    package static let nodev = MountAttributes(rawValue: 0x4)
    package static let noexec = MountAttributes(rawValue: 0x8)
    package static let noatime = MountAttributes(rawValue: 0x10)
    package static let strictatime = MountAttributes(rawValue: 0x20)
    /// The field that holds one of relatime (0), noatime and strictatime.
    package static let atimeField = MountAttributes(rawValue: 0x70)
    package static let nodiratime = MountAttributes(rawValue: 0x80)
    package static let nosymfollow = MountAttributes(rawValue: 0x200000)
    /// All that are on or off by themselves.
    package static let switches: MountAttributes = [.readonly, .nosuid, .nodev, .noexec, .nosymfollow]
}

/// A mount that is not in the tree yet; it vanishes when dropped.
package struct DetachedMount: ~Copyable {
    package let fd: OwnedFD

    /// A new file system. Options are `key` or `key=value`.
    package static func new(
        type: String, source: String? = nil, options: [String] = [], attributes: MountAttributes = []
    ) throws -> DetachedMount {
        let context = OwnedFD(try check("fsopen") { apus_fsopen(type) })
        if let source { try set(context.raw, "source", source, type) }
        for option in options {
            if let equals = option.firstIndex(of: "=") {
                try set(context.raw, String(option[..<equals]), String(option[option.index(after: equals)...]), type)
            } else {
                try set(context.raw, option, nil, type)
            }
        }
        return try create(context.raw, type: type, attributes: attributes)
    }

    /// An overlay of read-only `layers` (top first), with a writable layer unless `upper` is nil. `staging` is a folder that
    /// older kernels mount on for a moment.
    package static func overlay(
        layers: [String], upper: String?, work: String?, options: [String] = [], attributes: MountAttributes = [],
        staging: String
    ) throws -> DetachedMount {
        let context = OwnedFD(try check("fsopen") { apus_fsopen("overlay") })
        let joined = layers.map(escaped).joined(separator: ":")
        // One string is quicker; fsconfig takes 255 bytes, and `lowerdir+` (Linux 6.8) one layer at a time.
        if joined.utf8.count <= 255 {
            try set(context.raw, "lowerdir", joined, "overlay")
        } else {
            for (index, layer) in layers.enumerated() {
                do { try set(context.raw, "lowerdir+", layer, "overlay") } catch let error as MountError {
                    guard index == 0, error.code == EINVAL else { throw error }
                    return try classicOverlay(layers, upper, work, options, staging: staging)
                }
            }
        }
        if let upper { try set(context.raw, "upperdir", upper, "overlay") }
        if let work { try set(context.raw, "workdir", work, "overlay") }
        for option in options {
            let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
            try set(context.raw, parts[0], parts.count > 1 ? parts[1] : nil, "overlay")
        }
        try set(context.raw, "source", "overlay", "overlay")
        return try create(context.raw, type: "overlay", attributes: attributes)
    }

    /// Before Linux 6.8 all layers must fit one page of options: each is named by its descriptor.
    private static func classicOverlay(
        _ layers: [String], _ upper: String?, _ work: String?, _ options: [String], staging: String
    ) throws -> DetachedMount {
        var opened: [Int32] = []
        defer { for fd in opened { _ = close(fd) } }
        for layer in layers { opened.append(try OwnedFD.open(layer, O_PATH | O_DIRECTORY).release()) }
        var data = ["lowerdir=" + opened.map { "/proc/self/fd/\($0)" }.joined(separator: ":")]
        for (key, path) in [("upperdir", upper), ("workdir", work)] {
            guard let path else { continue }
            let fd = try OwnedFD.open(path, O_PATH | O_DIRECTORY).release()
            opened.append(fd)
            data.append("\(key)=/proc/self/fd/\(fd)")
        }
        let text = (data + options).joined(separator: ",")
        guard mount("overlay", staging, "overlay", 0, text) == 0 else {
            throw MountError(type: "overlay", what: "mount", code: errno, log: "")
        }
        defer { _ = umount2(staging, 2) }
        return try bind(AT_FDCWD, staging, recursive: false)
    }

    /// A second view of an existing tree; `path` empty means the descriptor itself.
    package static func bind(_ directory: Int32 = AT_FDCWD, _ path: String, recursive: Bool) throws(Errno)
        -> DetachedMount
    {
        let fd = apus_open_tree(directory, path, recursive ? 1 : 0)
        if fd < 0 { throw Errno(call: path.isEmpty ? "open_tree" : "open_tree \(path)") }
        return DetachedMount(fd: OwnedFD(fd))
    }

    /// What the mount has now: the ST_* of statvfs(3).
    package borrowing func attributes() throws(Errno) -> MountAttributes {
        var status = statfs()
        let raw = fd.raw
        try check("fstatfs") { fstatfs(raw, &status) }
        let flags = UInt64(truncatingIfNeeded: status.f_flags)
        // ST_RDONLY, ST_NOSUID, ST_NODEV and ST_NOEXEC have the same values.
        var found = MountAttributes(rawValue: flags & 0xf)
        if flags & 0x400 != 0 { found.insert(.noatime) }
        if flags & 0x800 != 0 { found.insert(.nodiratime) }
        if flags & 0x1400 == 0 { found.insert(.strictatime) }  // neither noatime nor relatime
        if flags & 0x2000 != 0 { found.insert(.nosymfollow) }
        return found
    }

    package borrowing func change(
        set: MountAttributes = [], clear: MountAttributes = [], propagation: UInt64 = 0, recursive: Bool = false
    ) throws(Errno) {
        try Self.change(fd.raw, set: set, clear: clear, propagation: propagation, recursive: recursive)
    }

    /// mount_setattr(2) on the mount `fd` is the root of. Changing the access time needs its whole field cleared.
    package static func change(
        _ fd: Int32, set: MountAttributes = [], clear: MountAttributes = [], propagation: UInt64 = 0,
        recursive: Bool = false
    ) throws(Errno) {
        if set.isEmpty && clear.isEmpty && propagation == 0 { return }
        var clear = clear
        if !set.isDisjoint(with: .atimeField) || !clear.isDisjoint(with: .atimeField) { clear.formUnion(.atimeField) }
        clear.subtract(set.subtracting(.atimeField))
        let toClear = clear.rawValue
        try check("mount_setattr") { apus_mount_setattr(fd, recursive ? 1 : 0, set.rawValue, toClear, propagation) }
    }

    /// Attaches the mount on `target`, a descriptor of the file or folder to cover.
    package borrowing func attach(on target: borrowing OwnedFD) throws(Errno) {
        let mount = fd.raw
        let place = target.raw
        try check("move_mount") { apus_move_mount(mount, place) }
    }

    /// A colon or backslash in a layer's path would end it.
    private static func escaped(_ path: String) -> String {
        var result = ""
        for character in path {
            if character == ":" || character == "\\" { result.append("\\") }
            result.append(character)
        }
        return result
    }

    private static func set(_ context: Int32, _ key: String, _ value: String?, _ type: String) throws {
        if apus_fsconfig(context, key, value) == 0 { return }
        if errno == EINVAL, let path = value, path.utf8.count > 255, path.hasPrefix("/") {
            // fsconfig(2) takes strings of 255 bytes; a longer path goes through its descriptor.
            let file = try OwnedFD.open(path, O_PATH)
            if apus_fsconfig(context, key, "/proc/self/fd/\(file.raw)") == 0 { return }
        }
        throw MountError(type: type, what: value.map { "\(key)=\($0)" } ?? key, code: errno, log: log(context))
    }

    private static func create(_ context: Int32, type: String, attributes: MountAttributes) throws -> DetachedMount {
        let fd = apus_fsmount(context, UInt32(attributes.rawValue))
        if fd < 0 { throw MountError(type: type, what: "mount", code: errno, log: log(context)) }
        return DetachedMount(fd: OwnedFD(fd))
    }

    /// What the file system said about its parameters.
    private static func log(_ context: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 1024)
        let count = read(context, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer[..<count].filter { $0 != 10 }, as: UTF8.self) : ""
    }
}

/// A file system that refused a parameter or its creation.
package struct MountError: Error, Sendable, CustomStringConvertible {
    package let type: String
    package let what: String
    package let code: Int32
    package let log: String

    package var description: String {
        "\(type) \(what): \(Errno.message(code))" + (log.isEmpty ? "" : " (\(log))")
    }
}
