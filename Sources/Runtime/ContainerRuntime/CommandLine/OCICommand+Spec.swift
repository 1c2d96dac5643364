// SPDX-License-Identifier: Apache-2.0
// spec and features: what a bundle looks like, and what this runtime can do.
import Glibc
import JSON
import Linux
import OCI

extension OCICommand {
    /// Writes a config.json that runs a shell.
    func spec() throws {
        let path = (arguments["bundle"] ?? ".") + "/config.json"
        guard !TextFile.exists(path) else { throw RuntimeError(.invalid, "File \(path) exists. Remove it first") }
        try TextFile.replace(
            path, with: (arguments.has("rootless") ? Self.rootless : Self.template).json.serialize(indent: 4),
            mode: 0o644)
    }

    private static var template: RuntimeSpec {
        var spec = RuntimeSpec()
        var process = RuntimeSpec.Process()
        process.args = ["sh"]
        process.terminal = true
        process.env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"]
        var capabilities = RuntimeSpec.Capabilities()
        capabilities.bounding = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
        capabilities.effective = capabilities.bounding
        capabilities.permitted = capabilities.bounding
        process.capabilities = capabilities
        process.rlimits = [RuntimeSpec.Rlimit(type: "RLIMIT_NOFILE", hard: 1024, soft: 1024)]
        process.noNewPrivileges = true
        spec.process = process
        spec.root = RuntimeSpec.Root(path: "rootfs", readonly: true)
        spec.hostname = "apus"
        let closed = ["nosuid", "noexec", "nodev"]
        spec.mounts = [
            .init(destination: "/proc", type: "proc", source: "proc"),
            .init(
                destination: "/dev", type: "tmpfs", source: "tmpfs",
                options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            .init(
                destination: "/dev/pts", type: "devpts", source: "devpts",
                options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            .init(
                destination: "/dev/shm", type: "tmpfs", source: "shm", options: closed + ["mode=1777", "size=65536k"]),
            .init(destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: closed),
            .init(destination: "/sys", type: "sysfs", source: "sysfs", options: closed + ["ro"]),
            .init(
                destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: closed + ["relatime", "ro"]),
        ]
        var linux = RuntimeSpec.Linux()
        linux.resources = RuntimeSpec.Resources()
        linux.resources?.devices = [RuntimeSpec.DeviceRule(allow: false, access: "rwm")]
        linux.namespaces = [.init(.pid), .init(.network), .init(.ipc), .init(.uts), .init(.mount)]
        // As runc has it: a cgroup namespace where there is one tree to show. A host without any is no reason not to write a spec.
        if (try? CgroupLayout.detect())?.isUnified == true { linux.namespaces.append(.init(.cgroup)) }
        linux.maskedPaths = [
            "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
            "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi", "/proc/interrupts",
            "/sys/devices/virtual/powercap",
        ]
        linux.readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
        spec.linux = linux
        return spec
    }

    /// The same for an ordinary user: mapped onto the root of a user namespace, without what such a namespace may not have.
    private static var rootless: RuntimeSpec {
        var spec = template
        spec.linux?.namespaces.removeAll { $0.kind == .network }
        spec.linux?.namespaces.append(.init(.user))
        spec.linux?.uidMappings = [.init(containerID: 0, hostID: geteuid(), size: 1)]
        spec.linux?.gidMappings = [.init(containerID: 0, hostID: getegid(), size: 1)]
        spec.linux?.resources = nil
        spec.mounts = spec.mounts.filter { $0.destination != "/sys" && $0.destination != "/sys/fs/cgroup" }
        for index in spec.mounts.indices { spec.mounts[index].options.removeAll { $0.hasPrefix("gid=") } }
        spec.mounts.append(
            .init(
                destination: "/sys", type: "none", source: "/sys",
                options: ["rbind", "nosuid", "noexec", "nodev", "ro"]))
        return spec
    }
}
