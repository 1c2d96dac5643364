// SPDX-License-Identifier: Apache-2.0
// spec and features: what a bundle looks like, and what this runtime can do.
import Glibc
import JSON
import Linux
import OCI

extension OCICommand {
    /// Writes a config.json that runs a shell.
    func spec() throws {
        let arguments = try parse(taking: ["bundle"], short: ["b": "bundle"])
        let path = (arguments["bundle"] ?? ".") + "/config.json"
        guard !TextFile.exists(path) else { throw RuntimeError(.invalid, "File config.json exists. Remove it first") }
        try TextFile.replace(path, with: Self.template.json.serialize(indent: 4), mode: 0o644)
    }

    private static var template: RuntimeSpec {
        var spec = RuntimeSpec()
        var process = RuntimeSpec.Process()
        process.args = ["sh"]
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
        linux.namespaces = [.init(.pid), .init(.network), .init(.ipc), .init(.uts), .init(.mount), .init(.cgroup)]
        linux.maskedPaths = [
            "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
            "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
        ]
        linux.readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
        spec.linux = linux
        return spec
    }

    /// https://github.com/opencontainers/runtime-spec/blob/v1.2.0/features.md
    func features() {
        let json: JSONValue = [
            "ociVersionMin": "1.0.0", "ociVersionMax": .string(RuntimeSpec.version), "hooks": [],
            "mountOptions": [
                "bind", "rbind", "ro", "rw", "suid", "nosuid", "dev", "nodev", "exec", "noexec", "atime", "noatime",
                "diratime",
                "nodiratime", "relatime", "strictatime", "symfollow", "nosymfollow", "rro", "rrw", "private",
                "rprivate",
                "shared", "rshared", "slave", "rslave", "unbindable", "runbindable",
            ],
            "linux": [
                "namespaces": .array(
                    RuntimeSpec.Namespace.Kind.allCases.filter { $0 != .time }.map { .string($0.rawValue) }),
                "capabilities": .array(CapabilitySet.names.map { .string($0) }),
                "cgroup": ["v1": true, "v2": true, "systemd": false, "systemdUser": false, "rdma": false],
                "seccomp": ["enabled": true], "apparmor": ["enabled": true], "selinux": ["enabled": true],
                "intelRdt": ["enabled": false],
            ],
        ]
        print(json.text(indent: 4))
    }
}
