// SPDX-License-Identifier: Apache-2.0
// Mount options, device programs, command lines, roots: the runtime's pure parts.
import ContainerRuntime
import JSON
import Linux
import OCI
import Testing

struct MountOptionsTests {
    @Test func sortsOptions() throws {
        let options = try MountOptions(["rbind", "ro", "nosuid", "rslave", "size=64k", "rnoexec"])
        #expect(options.isBind && options.isRecursive)
        #expect(options.set == [.readonly, .nosuid])
        #expect(options.recursiveSet == [.noexec])
        #expect(options.propagation == 1 << 19 && options.recursivePropagation)
        #expect(options.data == ["size=64k"])
    }

    @Test func laterOptionsWin() throws {
        let options = try MountOptions(["ro", "rw", "noatime", "strictatime"])
        #expect(!options.set.contains(.readonly) && options.clear.contains(.readonly))
        #expect(options.set.intersection(.atimeField) == .strictatime)
    }

    @Test func knowsTheRuntimesOwnWords() throws {
        let options = try MountOptions(["bind", "ridmap", "tmpcopyup"])
        #expect(options.idmap == .recursive && options.copiesUp && options.data.isEmpty)
        #expect(try MountOptions(["idmap"]).idmap == .single)
        #expect(throws: RuntimeError.self) { try MountOptions(["copy-symlink"]) }
    }
}

struct ShimDocumentTests {
    @Test func readsOverlayInBothForms() throws {
        let keys = try RootSource(json: ["type": "overlay", "layers": ["/a", "/b"], "upper": "/u", "work": "/w"])
        let text = try RootSource(json: ["type": "overlay", "options": "lowerdir=/a:/b,upperdir=/u,workdir=/w"])
        #expect(keys == text)
        #expect(keys == .overlay(layers: ["/a", "/b"], upper: "/u", work: "/w", options: [], readonly: false))
        #expect(throws: RuntimeError.self) { try RootSource(json: ["type": "nfs"]) }
    }

    @Test func refusesUnknownLogDrivers() throws {
        #expect(throws: RuntimeError.self) { try ShimConfiguration(json: ["id": "x", "log": ["driver": "syslog"]]) }
        #expect(try ShimConfiguration(json: ["id": "x", "log": ["driver": "none"]]).logPath == nil)
    }

    @Test func readsTheCommandLine() throws {
        let options = try ShimOptions(["--bundle", "/b", "--run-dir=/r", "--netns-fd", "4"])
        #expect((options.bundle, options.runFolder, options.netnsDescriptor) == ("/b", "/r", 4))
        #expect(throws: RuntimeError.self) { try ShimOptions(["--bundle", "/b"]) }
        #expect(throws: RuntimeError.self) { try ShimOptions(["--what", "x"]) }
    }

    @Test func splitsFlags() throws {
        let arguments = try CommandArguments(
            ["-b", "/x", "--force", "id", "-l"], taking: ["bundle"], plain: ["force"], short: ["b": "bundle"])
        #expect(arguments["bundle"] == "/x" && arguments.has("force") && arguments.operands == ["id", "-l"])
        #expect(throws: RuntimeError.self) { try CommandArguments(["--nope"], taking: [], plain: []) }
    }
}

struct DeviceProgramTests {
    /// Runs the few instructions such a program consists of.
    private func allows(_ code: [UInt8], type: UInt32, access: UInt32, major: UInt32, minor: UInt32) -> Bool {
        var registers = [UInt32](repeating: 0, count: 11)
        let context = [access << 16 | type, major, minor]
        var pc = 0
        while pc * 8 < code.count {
            let bytes = Array(code[pc * 8..<pc * 8 + 8])
            let (target, source) = (Int(bytes[1] & 15), Int(bytes[1] >> 4))
            let offset = Int(bytes[2]) | Int(bytes[3]) << 8
            let value = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[4 + $1]) << (8 * UInt32($1)) }
            pc += 1
            switch bytes[0] {
            case 0x61: registers[target] = context[offset / 4]
            case 0xbc: registers[target] = registers[source]
            case 0x54: registers[target] &= value
            case 0x74: registers[target] >>= value
            case 0xb4: registers[target] = value
            case 0x55: if registers[target] != value { pc += offset }
            case 0x5d: if registers[target] != registers[source] { pc += offset }
            case 0x15: if registers[target] == value { pc += offset }
            case 0x95: return registers[0] == 1
            default: Issue.record("unknown instruction \(bytes[0])")
            }
        }
        return false
    }

    @Test(arguments: [
        (2, 6, 1, 3, true), (2, 6, 1, 4, false), (1, 1, 8, 0, true), (1, 2, 8, 0, false), (2, 2, 10, 229, true),
        (2, 4, 10, 229, false), (2, 6, 10, 229, false), (2, 6, 136, 77, true),
    ])
    func decides(_ type: UInt32, _ access: UInt32, _ major: UInt32, _ minor: UInt32, _ expected: Bool) {
        let code = DeviceProgram.compile([
            .init(allow: false, access: "rwm"), .init(allow: true, type: "b", access: "m"),
            .init(allow: true, type: "c", major: 1, minor: 3, access: "rwm"),
            .init(allow: true, type: "c", major: 136, access: "rwm"),
            .init(allow: true, type: "c", major: 10, minor: 229, access: "r"),
        ])
        #expect(allows(code, type: type, access: access, major: major, minor: minor) == expected)
    }

    @Test func theLastRuleWins() {
        let code = DeviceProgram.compile([
            .init(allow: true, type: "a"), .init(allow: false, type: "c", major: 1, minor: 3, access: "w"),
        ])
        #expect(allows(code, type: 2, access: 2, major: 1, minor: 3))
        #expect(!allows(code, type: 2, access: 6, major: 1, minor: 3))
    }
}
