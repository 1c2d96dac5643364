// SPDX-License-Identifier: Apache-2.0
// config.json from its bytes to the plan of a container; what was read must come back from what is written.
import JSON
import OCI

@testable import ContainerRuntime

enum ConfigTarget {
    static func run(_ bytes: [UInt8]) {
        guard let json = try? JSONValue.parse(bytes) else { return }
        // 1.0 is written as 1: what counts is that writing settles it.
        let text = json.serialize()
        guard (try? JSONValue.parse(text))?.serialize() == text else { fatalError("JSON changes by being written") }
        guard let spec = try? RuntimeSpec(json: json) else { return }
        let written = spec.json
        guard let again = try? RuntimeSpec(json: written), again.json == written else {
            fatalError("a specification changes by being written")
        }
        for mount in spec.mounts { _ = try? MountOptions(mount.options) }
        for (key, _) in spec.linux?.sysctl.pairs ?? [] { _ = try? SysctlKey(key).path }
        // Only looks at what it was given.
        _ = try? ContainerPlan(id: "fuzz", bundle: "/nonexistent", spec: spec)
    }
}
