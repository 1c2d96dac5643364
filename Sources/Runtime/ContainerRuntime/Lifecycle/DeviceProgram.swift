// SPDX-License-Identifier: Apache-2.0
// Device rules as eBPF, for cgroup v2: https://docs.kernel.org/admin-guide/cgroup-v2.html#device-controller
package import OCI

/// Compiles rules to a program that answers 1 (allow) or 0. The last matching rule decides, as with v1's files.
package enum DeviceProgram {
    package static func compile(_ rules: [RuntimeSpec.DeviceRule]) -> [UInt8] {
        var code: [UInt8] = []
        // The context: r1 → {access_type: u32 (access << 16 | type), major: u32, minor: u32}.
        code += instruction(0x61, target: 2, source: 1, offset: 0)  // r2 = access_type
        code += instruction(0xbc, target: 3, source: 2)  // w3 = w2
        code += instruction(0x54, target: 2, value: 0xffff)  // w2 &= 0xffff: device type
        code += instruction(0x74, target: 3, value: 16)  // w3 >>= 16: access
        code += instruction(0x61, target: 4, source: 1, offset: 4)  // r4 = major
        code += instruction(0x61, target: 5, source: 1, offset: 8)  // r5 = minor
        for rule in rules.reversed() {
            code += block(rule)
            if isUnconditional(rule) { return code }
        }
        return code + answer(false)
    }

    private static func isUnconditional(_ rule: RuntimeSpec.DeviceRule) -> Bool {
        (rule.type ?? "a") == "a"
    }

    private static func block(_ rule: RuntimeSpec.DeviceRule) -> [UInt8] {
        if isUnconditional(rule) { return answer(rule.allow) }
        // Each test jumps over the rest of the block when it fails.
        var tests: [[UInt8]] = []
        tests.append(instruction(0x55, target: 2, value: rule.type == "b" ? 1 : 2))
        if let major = rule.major, major >= 0 {
            tests.append(instruction(0x55, target: 4, value: Int32(truncatingIfNeeded: major)))
        }
        if let minor = rule.minor, minor >= 0 {
            tests.append(instruction(0x55, target: 5, value: Int32(truncatingIfNeeded: minor)))
        }
        var access: Int32 = 0
        for letter in rule.access ?? "rwm" { access |= letter == "m" ? 1 : letter == "r" ? 2 : letter == "w" ? 4 : 0 }
        var prefix: [UInt8] = []
        if access != 7 {
            // An allow rule must grant all that is asked, a deny rule forbid any of it.
            prefix = instruction(0xbc, target: 1, source: 3) + instruction(0x54, target: 1, value: access)
            tests.append(
                rule.allow ? instruction(0x5d, target: 1, source: 3) : instruction(0x15, target: 1, value: 0))
        }
        let body = answer(rule.allow)
        var code: [UInt8] = prefix
        for (index, test) in tests.enumerated() {
            let skip = (tests.count - index - 1) + body.count / 8
            var test = test
            test[2] = UInt8(truncatingIfNeeded: skip)
            test[3] = UInt8(truncatingIfNeeded: skip >> 8)
            code += test
        }
        return code + body
    }

    private static func answer(_ allow: Bool) -> [UInt8] {
        instruction(0xb4, target: 0, value: allow ? 1 : 0) + instruction(0x95)
    }

    private static func instruction(
        _ code: UInt8, target: UInt8 = 0, source: UInt8 = 0, offset: Int16 = 0, value: Int32 = 0
    ) -> [UInt8] {
        [code, source << 4 | target, UInt8(truncatingIfNeeded: offset), UInt8(truncatingIfNeeded: offset >> 8)]
            + (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
