// SPDX-License-Identifier: Apache-2.0
// Writes the spec's resources into a container's control group.
import Glibc
import JSON
import Linux
import OCI

/// Limits of one group. `apply` serves both a fresh group and `update`.
struct CgroupLimits {
    let group: ControlGroup

    init(_ group: ControlGroup) { self.group = group }

    func apply(_ resources: RuntimeSpec.Resources, isNew: Bool) throws {
        if let network = resources.network, network.object?.isEmpty == false {
            throw RuntimeError(.invalid, "resources.network is not supported yet")
        }
        if let rdma = resources.rdma, rdma.object?.isEmpty == false {
            throw RuntimeError(.invalid, "resources.rdma is not supported yet")
        }
        if group.layout.isUnified {
            try applyUnified(resources, isNew: isNew)
        } else {
            try applyLegacy(resources, isNew: isNew)
        }
    }

    /// Writes a control file; a missing one means that the kernel lacks the controller.
    func write(_ value: String, _ file: String, controller: String) throws {
        guard let folder = group.folder(controller) else {
            throw RuntimeError(.invalid, "the \(controller) cgroup controller is not available on this host")
        }
        do {
            try TextFile.write(value, to: "\(folder)/\(file)")
        } catch {
            throw RuntimeError(
                .invalid, "failed to write \"\(value)\" to \"\(folder)/\(file)\": \(Errno.message(error.code))")
        }
    }
}

/// Device rules as the kernel reads them, with those every container needs.
extension RuntimeSpec.Resources {
    var deviceRules: [RuntimeSpec.DeviceRule] {
        let numbers: [(Int64?, Int64?)] = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2), (136, nil)]
        return devices
            + [
                RuntimeSpec.DeviceRule(allow: true, type: "c", access: "m"),
                RuntimeSpec.DeviceRule(allow: true, type: "b", access: "m"),
            ] + numbers.map { RuntimeSpec.DeviceRule(allow: true, type: "c", major: $0, minor: $1, access: "rwm") }
    }
}
