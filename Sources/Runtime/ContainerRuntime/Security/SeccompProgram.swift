// SPDX-License-Identifier: Apache-2.0
// A system call filter compiled to BPF, kept on disk between containers.
import CLinux
import CSeccomp
import Glibc
package import JSON
import Linux
import OCI

/// A compiled filter: 8-byte classic BPF instructions, and the flags seccomp(2) is called with.
package struct SeccompProgram: Sendable, Equatable {
    package var code: [UInt8]
    package var flags: UInt32

    /// Installs the filter for this process. Needs CAP_SYS_ADMIN or no_new_privs. With a listener, returns its descriptor.
    @discardableResult
    package func load() throws -> Int32 {
        let result = code.withUnsafeBytes { apus_seccomp_load($0.baseAddress, UInt16(clamping: $0.count / 8), flags) }
        if result < 0 { throw Errno(call: "seccomp") }
        return result
    }

    /// The filter for a spec's `seccomp` value: from the cache, or compiled and put there. Compiling takes milliseconds.
    package static func cached(_ json: JSONValue, folder: String?) throws -> SeccompProgram {
        var flags = try flags(json["flags"]?.strings)
        if notifies(json) { flags |= 8 }  // SECCOMP_FILTER_FLAG_NEW_LISTENER
        guard let folder else { return SeccompProgram(code: try compile(json), flags: flags) }
        let source = Array("apus-seccomp-1 \(libraryVersion)\n".utf8) + json.serialize()
        let path = "\(folder)/\(hash(source)).bpf"
        // The whole source is compared, so that the short hash decides nothing.
        // A miss only costs time.
        if let file = try? TextFile.bytes(path), file.count > source.count, file.starts(with: source) {
            return SeccompProgram(code: Array(file[source.count...]), flags: flags)
        }
        let code = try compile(json)
        do {
            try TextFile.makeFolders(folder, mode: 0o700)
            try TextFile.replace(path, with: source + code)
        } catch {
            // Without a cache the next container compiles again; nothing else depends on it.
        }
        return SeccompProgram(code: code, flags: flags)
    }

    private static let notify = "SCMP_ACT_NOTIFY"

    private static func notifies(_ json: JSONValue) -> Bool {
        json["syscalls"]?.array?.contains { $0["action"]?.string == notify } ?? false
    }

    /// Who hears of the calls that a filter asks about; nil for a filter that asks nobody.
    static func listener(_ json: JSONValue) throws -> SeccompListener? {
        if json["defaultAction"]?.string == notify {
            throw RuntimeError(.invalid, "config.Seccomp.DefaultAction is SCMP_ACT_NOTIFY, this is not supported")
        }
        guard notifies(json) else { return nil }
        for rule in json["syscalls"]?.array ?? [] where rule["action"]?.string == notify {
            // The runtime writes to its parent after the filter has been loaded.
            if let name = rule["names"]?.strings?.first(where: { $0 == "write" || $0 == "sendmsg" }) {
                throw RuntimeError(.invalid, "SCMP_ACT_NOTIFY cannot be used for the \(name) syscall")
            }
        }
        guard let path = json["listenerPath"]?.string, !path.isEmpty else {
            throw RuntimeError(.invalid, "seccomp listenerPath must be set: the filter has SCMP_ACT_NOTIFY")
        }
        return SeccompListener(path: path, metadata: json["listenerMetadata"]?.string)
    }

    private static func compile(_ json: JSONValue) throws -> [UInt8] {
        try SeccompCompiler(try RuntimeSpec.Seccomp(json: json, path: "linux.seccomp")).compile()
    }

    private static var libraryVersion: String {
        guard let version = seccomp_version() else { return "" }
        return "\(version.pointee.major).\(version.pointee.minor).\(version.pointee.micro)"
    }

    /// FNV-1a: a file name, no proof.
    private static func hash(_ bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }

    /// Without any word about flags the speculative store bypass mitigation stays off, as runc does: it is slow.
    private static func flags(_ names: [String]?) throws -> UInt32 {
        guard let names else { return 4 }
        return try names.reduce(0) { flags, name in
            switch name {
            case "SECCOMP_FILTER_FLAG_TSYNC": flags  // one thread
            case "SECCOMP_FILTER_FLAG_LOG": flags | 2
            case "SECCOMP_FILTER_FLAG_SPEC_ALLOW": flags | 4
            case "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": flags | 32
            default: throw RuntimeError(.invalid, "seccomp flag \(name) is not supported yet")
            }
        }
    }
}

/// Turns the spec's rules into BPF with libseccomp.
struct SeccompCompiler {
    let spec: RuntimeSpec.Seccomp

    init(_ spec: RuntimeSpec.Seccomp) { self.spec = spec }

    func compile() throws -> [UInt8] {
        let defaultAction = try action(spec.defaultAction, spec.defaultErrnoRet)
        guard let context = seccomp_init(defaultAction) else { throw RuntimeError(.invalid, "seccomp_init failed") }
        defer { seccomp_release(context) }
        seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2)
        var tokens = [seccomp_arch_native()]
        for name in spec.architectures {
            let token = try architecture(name)
            let result = seccomp_arch_add(context, token)
            guard result == 0 || result == -EEXIST else { throw Errno(call: "seccomp_arch_add \(name)", code: -result) }
            if !tokens.contains(token) { tokens.append(token) }
        }
        for rule in spec.syscalls {
            let action = try action(rule.action, rule.errnoRet)
            if action == defaultAction { continue }
            for name in rule.names { try add(name, action, rule.args, to: context) }
        }
        let code = try export(context)
        guard defaultAction & 0xffff_0000 == 0x0005_0000, defaultAction & 0xffff != UInt32(ENOSYS) else { return code }
        return tokens.flatMap(unknownCalls) + code
    }

    private func add(
        _ name: String, _ action: UInt32, _ args: [RuntimeSpec.Seccomp.Argument], to context: scmp_filter_ctx
    ) throws {
        let number = seccomp_syscall_resolve_name(name)
        // A name this library does not know belongs to another architecture or a newer kernel.
        if number == -1 { return }
        let comparisons = try args.map(comparison)
        // libseccomp takes one comparison per argument; several on the same one are alternatives.
        let repeats = Set(args.map(\.index)).count < args.count
        for group in repeats ? comparisons.map({ [$0] }) : [comparisons] {
            let result = seccomp_rule_add_array(context, action, number, UInt32(group.count), group)
            guard result == 0 || result == -EDOM || result == -EEXIST else {
                throw Errno(call: "seccomp rule for \(name)", code: -result)
            }
        }
    }

    private func export(_ context: scmp_filter_ctx) throws -> [UInt8] {
        let file = OwnedFD(try check("memfd_create") { memfd_create("seccomp", 1) })
        let result = seccomp_export_bpf(context, file.raw)
        guard result == 0 else { throw Errno(call: "seccomp_export_bpf", code: -result) }
        lseek(file.raw, 0, SEEK_SET)
        return try TextFile.bytes(of: file.raw)
    }

    /// System calls newer than every one the profile names answer ENOSYS, so that programs fall back to older ones.
    private func unknownCalls(_ token: UInt32) -> [UInt8] {
        var highest: Int32 = 0
        for rule in spec.syscalls {
            for name in rule.names { highest = max(highest, seccomp_syscall_resolve_name_arch(token, name)) }
        }
        guard highest > 0, highest < 0x4000_0000, token != 0x4000_003e else { return [] }
        return instruction(0x20, 0, 0, 4)  // load the architecture
            + instruction(0x15, 0, 4, token)  // not this one: skip
            + instruction(0x20, 0, 0, 0)  // load the number
            + instruction(0x35, 2, 0, 0x4000_0000)  // numbers of x32: skip
            + instruction(0x25, 0, 1, UInt32(highest))  // known: skip
            + instruction(0x06, 0, 0, 0x0005_0000 | UInt32(ENOSYS))
    }

    private func instruction(_ code: UInt16, _ jumpTrue: UInt8, _ jumpFalse: UInt8, _ value: UInt32) -> [UInt8] {
        [UInt8(code & 0xff), UInt8(code >> 8), jumpTrue, jumpFalse]
            + (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    private func action(_ name: String, _ errno: UInt32?) throws -> UInt32 {
        switch name {
        case "SCMP_ACT_ALLOW": 0x7fff_0000
        case "SCMP_ACT_ERRNO": 0x0005_0000 | (errno ?? UInt32(EPERM)) & 0xffff
        case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD": 0
        case "SCMP_ACT_KILL_PROCESS": 0x8000_0000
        case "SCMP_ACT_TRAP": 0x0003_0000
        case "SCMP_ACT_TRACE": 0x7ff0_0000 | (errno ?? UInt32(EPERM)) & 0xffff
        case "SCMP_ACT_LOG": 0x7ffc_0000
        case "SCMP_ACT_NOTIFY": 0x7fc0_0000
        default: throw RuntimeError(.invalid, "seccomp action \(name) is not supported")
        }
    }

    private func comparison(_ argument: RuntimeSpec.Seccomp.Argument) throws -> scmp_arg_cmp {
        let op: scmp_compare
        var (a, b) = (argument.value, argument.valueTwo ?? 0)
        switch argument.op {
        case "SCMP_CMP_NE": op = SCMP_CMP_NE
        case "SCMP_CMP_LT": op = SCMP_CMP_LT
        case "SCMP_CMP_LE": op = SCMP_CMP_LE
        case "SCMP_CMP_EQ": op = SCMP_CMP_EQ
        case "SCMP_CMP_GE": op = SCMP_CMP_GE
        case "SCMP_CMP_GT": op = SCMP_CMP_GT
        case "SCMP_CMP_MASKED_EQ": (op, a, b) = (SCMP_CMP_MASKED_EQ, argument.value, argument.valueTwo ?? 0)
        default: throw RuntimeError(.invalid, "seccomp operator \(argument.op) is not known")
        }
        return scmp_arg_cmp(arg: argument.index, op: op, datum_a: a, datum_b: b)
    }

    private func architecture(_ name: String) throws -> UInt32 {
        let known =
            name.hasPrefix("SCMP_ARCH_") ? seccomp_arch_resolve_name(String(name.dropFirst(10)).lowercased()) : 0
        guard known != 0 else { throw RuntimeError(.invalid, "seccomp architecture \(name) is not known") }
        return known
    }
}
