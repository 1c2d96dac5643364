// SPDX-License-Identifier: Apache-2.0
// The machine the daemon runs on, as `docker info` tells it.
import Glibc

/// What does not change while the daemon runs is read once.
struct MachineInformation: Sendable {
    static let current = MachineInformation()

    let kernel: String
    let architecture: String
    let operatingSystem: String
    let osVersion: String
    let memory: Int64

    private init() {
        var name = utsname()
        uname(&name)
        kernel = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        architecture = withUnsafeBytes(of: &name.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let release = Self.osRelease()
        operatingSystem = release["PRETTY_NAME"] ?? "Linux"
        osVersion = release["VERSION_ID"] ?? ""
        memory = Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }

    var forwardsIPv4: Bool { Files.readNow("/proc/sys/net/ipv4/ip_forward")?.hasPrefix("1") ?? false }

    func openDescriptors() -> Int { Self.entries("/proc/self/fd") }
    func threads() -> Int { Self.entries("/proc/self/task") }

    /// The type of the file system a path lies on, in Docker's words.
    func fileSystem(of path: String) -> String {
        var best = (length: -1, type: "unknown")
        for line in (Files.readNow("/proc/self/mountinfo") ?? "").split(separator: "\n") {
            let halves = line.split(separator: " - ", maxSplits: 1)
            let fields = halves[0].split(separator: " ")
            guard halves.count == 2, fields.count > 4, let type = halves[1].split(separator: " ").first else {
                continue
            }
            let point = String(fields[4])
            let covers = point == "/" || path == point || path.hasPrefix(point + "/")
            if covers, point.utf8.count >= best.length { best = (point.utf8.count, String(type)) }
        }
        return ["ext2", "ext3", "ext4"].contains(best.type) ? "extfs" : best.type
    }

    private static func entries(_ path: String) -> Int {
        guard let folder = opendir(path) else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        return max(0, count - 3)
    }

    private static func osRelease() -> [String: String] {
        var result: [String: String] = [:]
        for line in (Files.readNow("/etc/os-release") ?? "").split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { continue }
            result[String(parts[0])] = String(parts[1].filter { $0 != "\"" })
        }
        return result
    }
}
