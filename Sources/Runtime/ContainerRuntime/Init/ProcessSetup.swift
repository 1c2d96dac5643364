// SPDX-License-Identifier: Apache-2.0
// The last steps of a process on its way into the container: limits, identity, privileges, filter, exec.
import CLinux
import Glibc
import Linux
import OCI

/// Turns the calling process into the spec's process. The order is fixed: `prepare` on the host's /proc, `assume` inside the
/// container's root, `execute` last.
struct ProcessSetup {
    let process: RuntimeSpec.Process
    let seccomp: SeccompProgram?
    let diesWithParent: Bool
    /// Hears of what is not as the spec wants it, though no reason to fail.
    var warn: (String) -> Void = { _ in }
    /// The control group allows only some CPUs.
    var hasCPUSet = false
    /// Runs last, with the program's environment and rights.
    var beforeProgram: (([String]) throws -> Void)?
    /// A filter with a listener is loaded while there is somebody to take the listener.
    private var isFiltered = false
    private var hasLimits = false
    private var labelFile: Int32 = -1
    private var label = ""
    /// The label as the spec has it, with its module's name, for messages.
    private var labelName = ""
    private var effective = CapabilitySet()
    private var permitted = CapabilitySet()
    private var inheritable = CapabilitySet()
    private var ambient = CapabilitySet()

    init(_ process: RuntimeSpec.Process, seccomp: SeccompProgram?, diesWithParent: Bool) {
        self.process = process
        self.seccomp = seccomp
        self.diesWithParent = diesWithParent
    }

    /// What needs the host's /proc: scores and the security label, whose file is opened here and written before exec.
    mutating func prepare() throws {
        _ = CapabilitySet.lastCapability  // read once, from the host's /proc
        if let score = process.oomScoreAdj {
            try doing("oom_score_adj") { try TextFile.write(String(score), to: "/proc/self/oom_score_adj") }
        }
        if let profile = process.apparmorProfile, !profile.isEmpty {
            guard TextFile.exists("/sys/module/apparmor/parameters/enabled"),
                try TextFile.text("/sys/module/apparmor/parameters/enabled").hasPrefix("Y")
            else {
                if profile == "unconfined" { return }
                throw RuntimeError(.invalid, "apparmor is not enabled on this host: profile \(profile)")
            }
            let path = ["/proc/self/attr/apparmor/exec", "/proc/self/attr/exec"].first(where: TextFile.exists) ?? ""
            labelFile = try OwnedFD.open(path, O_WRONLY).release()
            label = "exec \(profile)"
            labelName = "apparmor=\(profile)"
        } else if let selinux = process.selinuxLabel, !selinux.isEmpty, TextFile.exists("/sys/fs/selinux/enforce") {
            labelFile = try OwnedFD.open("/proc/self/attr/exec", O_WRONLY).release()
            label = selinux
            labelName = "label=\(selinux)"
        }
    }

    /// Limits, folder, user: the calling process is inside the container's root.
    mutating func assume() throws {
        try setLimits()
        try SchedulingPlan(process).apply(hasCPUSet: hasCPUSet)
        try readCapabilities()
        if process.noNewPrivileges { try check("prctl(PR_SET_NO_NEW_PRIVS)") { apus_prctl(38, 1, 0, 0, 0) } }
        // With the root user's rights first: a home folder may be closed to the user until then, or only open to the user.
        let early = chdir(process.cwd) == 0
        try passStandardStreams()
        try ProcessCapabilities.limitBounding(to: bounding)
        try ProcessCapabilities.keepOverUserChange()
        try doing("setting user") {
            try check("setuid") {
                apus_set_identity(
                    process.user.uid, process.user.gid, process.user.additionalGids, process.user.additionalGids.count)
            }
        }
        if !early {
            try doing("chdir to cwd (\"\(process.cwd)\") set in config.json failed") {
                try check("chdir") { chdir(process.cwd) }
            }
        }
        if process.user.uid != 0 {
            // What the program may open is looked up with the rights that it will have.
            let held = apus_permitted_capabilities()
            let wanted = effective.mask & held
            try check("capset") { apus_capset(wanted, held, 0) }
        }
        try checkFolder()
        umask(mode_t(process.user.umask ?? 0o022))
    }

    /// A folder outside the root has no name here: a descriptor of the host leaked (CVE-2024-21626).
    private func checkFolder() throws {
        guard let name = getcwd(nil, 0) else {
            throw RuntimeError(.internalError, "current working directory is outside of container mount namespace root")
        }
        defer { free(name) }
        guard name[0] == CChar(UInt8(ascii: "/")) else {
            throw RuntimeError(.internalError, "current working directory is outside of container mount namespace root")
        }
    }

    /// Loads the filter, drops to the final capabilities and becomes the program. Returns only by throwing.
    func execute(_ path: String) throws -> Never {
        if seccomp != nil, !isFiltered, !process.noNewPrivileges { _ = try loadFilter() }
        try ProcessCapabilities.set(
            effective: effective, permitted: permitted, inheritable: inheritable, ambient: ambient)
        if diesWithParent { _ = apus_prctl(1, UInt(SIGKILL), 0, 0, 0) }
        if labelFile >= 0 {
            do { try TextFile.write(label, to: labelFile, name: "attr/exec") } catch {
                // ENOENT and its words are what a missing program is known by.
                let reason = error.code == ENOENT ? "it is not loaded" : Errno.message(error.code)
                throw RuntimeError(.invalid, "unable to apply security profile \"\(labelName)\": \(reason)")
            }
        }
        if !isFiltered, process.noNewPrivileges { _ = try seccomp?.load() }
        let environment = self.environment
        try beforeProgram?(environment)
        let code = withStringArray(process.args) { arguments in
            withStringArray(environment) { variables in
                execve(path, arguments, variables)
                return errno
            }
        }
        throw ExecutableLookup.execFailure(process.args[0], code)
    }

    /// Without no_new_privs the filter needs CAP_SYS_ADMIN, which a change of user took from the effective set.
    private func loadFilter() throws -> Int32 {
        if process.user.uid != 0 {
            let mask = apus_permitted_capabilities()
            try check("capset") { apus_capset(mask, mask, 0) }
        }
        return try seccomp?.load() ?? 0
    }

    /// Loads the filter now and hands its listener to the runtime, which passes it on.
    mutating func listen(_ socket: Int32) throws {
        guard seccomp != nil, !isFiltered else { return }
        isFiltered = true
        let fd = OwnedFD(try loadFilter())
        try Handshake.send(.listener, on: socket, descriptor: fd.raw)
        try Handshake.expect(.listening, on: socket)
    }

    private var bounding: CapabilitySet {
        var unknown: [String] = []
        return CapabilitySet(names: process.capabilities?.bounding ?? [], unknown: &unknown)
    }

    private mutating func readCapabilities() throws {
        // A spec without a word about capabilities grants none.
        guard let names = process.capabilities else { return }
        var unknown: [String] = []
        effective = CapabilitySet(names: names.effective, unknown: &unknown)
        permitted = CapabilitySet(names: names.permitted, unknown: &unknown)
        inheritable = CapabilitySet(names: names.inheritable, unknown: &unknown)
        ambient = CapabilitySet(names: names.ambient, unknown: &unknown)
        _ = CapabilitySet(names: names.bounding, unknown: &unknown)
        if !unknown.isEmpty {
            warn("ignoring unknown or unavailable capabilities: [\(Set(unknown).sorted().joined(separator: " "))]")
        }
        // The kernel raises only what is permitted and inheritable.
        for (number, name) in CapabilitySet.names.enumerated() where ambient.contains(number) {
            guard !permitted.contains(number) || !inheritable.contains(number) else { continue }
            ambient.mask &= ~(1 << UInt64(number))
            warn("can't raise ambient capability \(name): operation not permitted")
        }
    }

    mutating func setLimits() throws {
        guard !hasLimits else { return }
        hasLimits = true
        for limit in process.rlimits {
            guard let number = Self.limits.firstIndex(of: limit.type) else {
                throw RuntimeError(.invalid, "invalid rlimit type: \(limit.type)")
            }
            try doing("setting rlimit \(limit.type)") {
                try check("setrlimit") { apus_setrlimit(Int32(number), limit.soft, limit.hard) }
            }
        }
    }

    /// The user may open /dev/stdout again: the pipes become theirs.
    private func passStandardStreams() throws {
        guard process.user.uid != 0 else { return }
        for fd in Int32(0)...2 {
            var (mode, major, minor): (UInt32, UInt32, UInt32) = (0, 0, 0)
            guard apus_device_of(fd, &mode, &major, &minor) == 0 else { continue }
            let kind = mode_t(mode) & S_IFMT
            guard kind == S_IFIFO || kind == S_IFCHR, !(kind == S_IFCHR && major == 1 && minor == 3) else { continue }
            // A file system that cannot change owners leaves the stream usable as it is.
            _ = fchown(fd, process.user.uid, gid_t.max)
        }
    }

    /// HOME comes from the container's passwd file when the spec does not set it.
    private var environment: [String] {
        let given = Self.unique(process.env)
        if given.contains(where: { $0.hasPrefix("HOME=") && $0 != "HOME=" }) { return given }
        let rest = given.filter { $0 != "HOME=" }
        for line in Self.accounts.split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            if fields.count >= 6, UInt32(fields[2]) == process.user.uid, !fields[5].isEmpty {
                return rest + ["HOME=\(fields[5])"]
            }
        }
        return rest + ["HOME=/"]
    }

    /// Of several values of one variable the last one counts.
    private static func unique(_ variables: [String]) -> [String] {
        var names: Set<Substring> = []
        var kept: [String] = []
        for variable in variables.reversed() {
            let name = variable.prefix { $0 != "=" }
            if names.insert(name).inserted { kept.append(variable) }
        }
        return kept.reversed()
    }

    /// The image's own file, if it is one: a fifo would hold the start up, a device never end. Without it users live in /.
    private static var accounts: String {
        let descriptor = open("/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        let file = OwnedFD(descriptor)
        var status = stat()
        guard fstat(file.raw, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            let bytes = try? TextFile.bytes(of: file.raw)
        else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// In the order of the kernel's numbers.
    static let limits = [
        "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS", "RLIMIT_NPROC",
        "RLIMIT_NOFILE", "RLIMIT_MEMLOCK", "RLIMIT_AS", "RLIMIT_LOCKS", "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE",
        "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
    ]
}

/// A null-terminated vector of C strings for the time of `body`.
func withStringArray<T>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> T) -> T {
    let pointers = strings.map { strdup($0) } + [nil]
    defer { pointers.forEach { free($0) } }
    return body(pointers)
}
