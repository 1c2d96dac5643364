// SPDX-License-Identifier: Apache-2.0
// A container's user in numbers, and how it follows from `user[:group]` and the container's own files.
package import Primitives

/// Numeric identity; `home` is what the password file says.
package struct ResolvedUser: Sendable, Equatable {
    package var uid: UInt32
    package var gid: UInt32
    package var additionalGids: [UInt32]
    package var home: String?

    package init(uid: UInt32 = 0, gid: UInt32 = 0, additionalGids: [UInt32] = [], home: String? = nil) {
        self.uid = uid
        self.gid = gid
        self.additionalGids = additionalGids
        self.home = home
    }
}

extension ResolvedUser {
    /// Resolves `user`, `uid`, `user:group`, `uid:gid` (empty: root) and further groups against the texts of passwd
    /// and group.
    /// Names must exist; numbers need not. Messages are Docker's.
    package static func resolve(
        _ text: String, additionalGroups: [String] = [], passwd: String, group: String
    ) throws(EngineError) -> ResolvedUser {
        let accounts = PasswordFile(passwd)
        let groups = GroupFile(group)
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let name = parts.first ?? ""
        var resolved = ResolvedUser()
        var accountName: String?
        if let account = accounts.find(name.isEmpty ? "0" : name) {
            resolved = ResolvedUser(uid: account.uid, gid: account.gid, home: account.home)
            accountName = account.name
        } else if let uid = number(name) {
            resolved.uid = uid
        } else if !name.isEmpty {
            throw .invalidArgument("unable to find user \(name): no matching entries in passwd file")
        }
        if parts.count == 2, !parts[1].isEmpty {
            guard let gid = groups.gid(parts[1]) ?? number(parts[1]) else {
                throw .invalidArgument("unable to find group \(parts[1]): no matching entries in group file")
            }
            resolved.gid = gid
        } else if let accountName {
            // Supplementary groups come from the group file only while no group was named.
            resolved.additionalGids = groups.entries.filter { $0.members.contains(accountName) }.map(\.gid)
        }
        for wanted in additionalGroups {
            guard let gid = groups.gid(wanted) ?? number(wanted) else {
                throw .invalidArgument("Unable to find group \(wanted): no matching entries in group file")
            }
            if !resolved.additionalGids.contains(gid) { resolved.additionalGids.append(gid) }
        }
        return resolved
    }

    /// As above, reading /etc/passwd and /etc/group out of a root file system that is not mounted.
    package static func resolve(
        _ text: String, additionalGroups: [String] = [], in root: RootFilesystem
    ) throws -> ResolvedUser {
        let files = try RootFilesystemReader(root)
        return try resolve(
            text, additionalGroups: additionalGroups, passwd: try files.text("/etc/passwd") ?? "",
            group: try files.text("/etc/group") ?? "")
    }

    private static func number(_ text: String) -> UInt32? {
        guard let value = UInt32(text), value <= UInt32(Int32.max), text.utf8.allSatisfy({ (48...57).contains($0) })
        else { return nil }
        return value
    }
}

/// passwd(5): `name:password:uid:gid:comment:home:shell`. Lines that do not fit are passed over.
private struct PasswordFile {
    struct Account {
        let name: String
        let uid: UInt32
        let gid: UInt32
        let home: String
    }

    let accounts: [Account]

    init(_ text: String) {
        accounts = text.split(whereSeparator: \.isNewline).compactMap { line in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count >= 4, let uid = UInt32(fields[2]), let gid = UInt32(fields[3]) else { return nil }
            return Account(name: String(fields[0]), uid: uid, gid: gid, home: fields.count > 5 ? String(fields[5]) : "")
        }
    }

    /// By name first, then by number.
    func find(_ user: String) -> Account? {
        accounts.first { $0.name == user } ?? UInt32(user).flatMap { uid in accounts.first { $0.uid == uid } }
    }
}

/// group(5): `name:password:gid:member,member`.
private struct GroupFile {
    struct Entry {
        let name: String
        let gid: UInt32
        let members: [String]
    }

    let entries: [Entry]

    init(_ text: String) {
        entries = text.split(whereSeparator: \.isNewline).compactMap { line in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count >= 3, let gid = UInt32(fields[2]) else { return nil }
            return Entry(
                name: String(fields[0]), gid: gid,
                members: fields.count > 3 ? fields[3].split(separator: ",").map(String.init) : [])
        }
    }

    func gid(_ name: String) -> UInt32? {
        (entries.first { $0.name == name } ?? UInt32(name).flatMap { gid in entries.first { $0.gid == gid } })?.gid
    }
}
