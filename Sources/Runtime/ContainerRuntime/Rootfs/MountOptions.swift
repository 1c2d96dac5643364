// SPDX-License-Identifier: Apache-2.0
// Options of a spec's mount, sorted into attributes, propagation and data for the file system: config.md#mounts.
package import Linux

/// What the option strings of one mount ask for.
package struct MountOptions: Equatable, Sendable {
    package var set: MountAttributes = []
    package var clear: MountAttributes = []
    /// `rro`, `rnosuid` …: for the whole tree of a recursive bind.
    package var recursiveSet: MountAttributes = []
    package var recursiveClear: MountAttributes = []
    package var isBind = false
    package var isRecursive = false
    /// One MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE, and whether it holds for the tree below.
    package var propagation: UInt64 = 0
    package var recursivePropagation = false
    /// Owners are mapped, of the mount alone or of the tree below it as well.
    package var idmap: OwnerMapping?
    /// A fresh tmpfs starts with what the place held.
    package var copiesUp = false
    /// Handed to the file system.
    package var data: [String] = []

    package enum OwnerMapping: Equatable, Sendable { case single, recursive }

    package init(_ options: [String]) throws {
        for option in options { try add(option) }
    }

    private mutating func add(_ option: String) throws {
        if let (flag, on) = Self.attributes[option] {
            Self.apply(flag, on, &set, &clear)
        } else if option.hasPrefix("r"), let (flag, on) = Self.attributes[String(option.dropFirst())] {
            Self.apply(flag, on, &recursiveSet, &recursiveClear)
        } else if let (kind, recursive) = Self.propagations[option] {
            propagation = kind
            recursivePropagation = recursive
        } else {
            try addOther(option)
        }
    }

    private mutating func addOther(_ option: String) throws {
        switch option {
        case "bind": isBind = true
        case "rbind": (isBind, isRecursive) = (true, true)
        case "defaults", "noauto", "auto", "nouser", "user", "users", "remount", "loud", "norelatime", "rnorelatime",
            "async", "nodirsync", "nolazytime", "nomand", "noiversion":
            break  // the kernel's defaults, or words for programs that read fstab
        case "idmap": idmap = .single
        case "ridmap": idmap = .recursive
        case "tmpcopyup": copiesUp = true
        case "copy-symlink": throw RuntimeError(.invalid, "mount option \(option) is not supported yet")
        default: data.append(option)
        }
    }

    private static func apply(
        _ flag: MountAttributes, _ on: Bool, _ set: inout MountAttributes, _ clear: inout MountAttributes
    ) {
        if on {
            if MountAttributes.atimeField.isSuperset(of: flag) { set.subtract(.atimeField) }
            set.insert(flag)
            clear.subtract(flag)
        } else {
            set.subtract(flag)
            clear.insert(flag)
        }
    }

    /// All words with a meaning here; any other goes to the file system.
    static var known: [String] {
        (attributes.keys + attributes.keys.map { "r" + $0 } + propagations.keys + [
            "bind", "rbind", "defaults", "idmap", "ridmap", "tmpcopyup", "async", "loud", "norelatime", "remount",
        ]).sorted()
    }

    private static let attributes: [String: (MountAttributes, Bool)] = [
        "ro": (.readonly, true), "rw": (.readonly, false), "nosuid": (.nosuid, true), "suid": (.nosuid, false),
        "nodev": (.nodev, true), "dev": (.nodev, false), "noexec": (.noexec, true), "exec": (.noexec, false),
        "noatime": (.noatime, true), "atime": (.noatime, false), "strictatime": (.strictatime, true),
        "nostrictatime": (.strictatime, false), "relatime": (.atimeField, false), "nodiratime": (.nodiratime, true),
        "diratime": (.nodiratime, false),
        "nosymfollow": (.nosymfollow, true), "symfollow": (.nosymfollow, false),
    ]

    private static let propagations: [String: (UInt64, Bool)] = [
        "shared": (Propagation.shared, false), "rshared": (Propagation.shared, true),
        "slave": (Propagation.slave, false), "rslave": (Propagation.slave, true),
        "private": (Propagation.private, false), "rprivate": (Propagation.private, true),
        "unbindable": (Propagation.unbindable, false), "runbindable": (Propagation.unbindable, true),
    ]
}

/// MS_SHARED and its kin: mount_namespaces(7).
enum Propagation {
    static let unbindable: UInt64 = 1 << 17
    static let `private`: UInt64 = 1 << 18
    static let slave: UInt64 = 1 << 19
    static let shared: UInt64 = 1 << 20
    static let recursive: UInt64 = 1 << 14

    /// `rootfsPropagation` of the spec as mount(2) flags.
    static func flags(_ name: String?) throws -> UInt64? {
        switch name {
        case nil, "": nil
        case "shared": shared
        case "rshared": shared | recursive
        case "slave": slave
        case "rslave": slave | recursive
        case "private": `private`
        case "rprivate": `private` | recursive
        case "unbindable": unbindable
        case "runbindable": unbindable | recursive
        case let name?: throw RuntimeError(.invalid, "unknown rootfsPropagation \(name)")
        }
    }
}
