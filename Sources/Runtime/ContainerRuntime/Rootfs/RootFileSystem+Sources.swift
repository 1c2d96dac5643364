// SPDX-License-Identifier: Apache-2.0
// Which files a mount may come from and which it may cover: other containers choose neither.
import CLinux
import Glibc
import Linux
import OCI

extension RootFileSystem {
    /// A second view of a bind's source. `/proc/PID/root/…` (the /dev/shm that containers share) belongs to another mount
    /// namespace, where alone the kernel gives a view of it. The links there are the other container's choice, and its process
    /// may sit in a root of its own making (chroot(2)): they lead nowhere but into the root of that namespace.
    static func view(of source: String, recursive: Bool) throws -> DetachedMount {
        let parts = source.split(separator: "/")
        guard parts.count > 3, parts[0] == "proc", parts[2] == "root" else {
            return try DetachedMount.bind(AT_FDCWD, source, recursive: recursive)
        }
        let own = try OwnedFD.open("/proc/self/ns/mnt", O_RDONLY)
        try enterMountNamespace(try OwnedFD.open("/proc/\(parts[1])/ns/mnt", O_RDONLY))
        do {
            let place = try GuestRoot(path: "/").open("/" + parts.dropFirst(3).joined(separator: "/"), O_PATH)
            let tree = try DetachedMount.bind(place.raw, "", recursive: recursive)
            try enterMountNamespace(own)
            return tree
        } catch {
            try enterMountNamespace(own)
            throw error
        }
    }

    private static func enterMountNamespace(_ file: borrowing OwnedFD) throws {
        let raw = file.raw
        try check("setns") { apus_setns(raw, 0x0002_0000) }
    }

    /// Files that other programs lay over the kernel's, to show a container its own limits.
    private static let coverable: Set<String> = [
        "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime",
        "/proc/loadavg", "/proc/slabinfo", "/proc/net/dev", "/proc/sys/kernel/ns_last_pid",
        "/proc/sys/crypto/fips_enabled",
    ]

    /// What is laid over /proc could forge what the runtime and the container's programs read there (CVE-2019-16884): only the
    /// kernel's own file system may, and the files above. What counts is where a mount lands, whatever it is called.
    func requireNotProc(_ place: borrowing OwnedFD, called destination: String, cover: borrowing DetachedMount) throws {
        let (top, landing) = (try Self.path(of: root.fd.raw), try Self.path(of: place.raw))
        let inside = landing.hasPrefix(top) ? "/" + landing.dropFirst(top.count).drop { $0 == "/" } : landing
        guard try Self.isProc(place.raw) || inside == "/proc" || inside.hasPrefix("/proc/") else { return }
        if try Self.isProc(cover.fd.raw) || Self.coverable.contains(inside) { return }
        throw RuntimeError(.invalid, "\"\(destination)\" cannot be mounted because it is inside /proc")
    }

    private static func path(of fd: Int32) throws -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = try checkLength("readlink") {
            buffer.withUnsafeMutableBytes { bytes in
                bytes.baseAddress.map { readlinkat(AT_FDCWD, "/proc/self/fd/\(fd)", $0, bytes.count) } ?? -1
            }
        }
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }

    private static func isProc(_ fd: Int32) throws -> Bool {
        var status = statfs()
        try check("fstatfs") { fstatfs(fd, &status) }
        return status.f_type == 0x9fa0
    }
}
