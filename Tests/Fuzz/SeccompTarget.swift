// SPDX-License-Identifier: Apache-2.0
// A user's seccomp profile from its text to the compiled filter, and the filter of a config.json.
import JSON
import OCI

@testable import ContainerRuntime
@testable import Tasks

enum SeccompTarget {
    private static let host = HostFacts(capabilities: nil, kernel: KernelVersion(6, 1), usesCgroupV2: true)

    static func run(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        if let profile = try? SeccompProfile(parsing: text) {
            let fitted = profile.fitted(capabilities: Capability.defaults, host: host)
            _ = try? SeccompProgram.cached(fitted.json, folder: nil)
        }
        if let json = try? JSONValue.parse(bytes) {
            _ = try? SeccompProgram.listener(json)
            _ = try? SeccompProgram.cached(json, folder: nil)
        }
    }
}
