// SPDX-License-Identifier: Apache-2.0
// Giving a container another name.
import Networking
import Primitives

extension ContainerService {
    package func rename(_ reference: String, to name: String) async throws {
        let container = try registry.find(reference)
        let new = name.hasPrefix("/") ? String(name.dropFirst()) : name
        guard !new.isEmpty else { throw EngineError.invalidArgument("Neither old nor new names may be empty") }
        try await container.queue.run {
            let old = container.record.name
            guard new != old else {
                throw EngineError.invalidArgument("Renaming a container with the same name as its current name")
            }
            guard Identifier.isValidName(new) else {
                throw EngineError.invalidArgument(
                    "Error when allocating new name: \(ContainerErrors.invalidName(new).message)")
            }
            if let holder = self.registry.reserve(new, for: container.id) {
                throw EngineError.conflict(
                    "Error when allocating new name: \(ContainerErrors.nameTaken(new, by: holder).message)")
            }
            do {
                let record = try await self.update(container) { $0.name = new }
                self.registry.release(old, of: container.id)
                try await self.drivers.networks.rename(containerID: container.id, to: new)
                self.announce(record, "rename", ["oldName": "/" + old])
            } catch {
                if container.record.name == old { self.registry.release(new, of: container.id) }
                throw error
            }
        }
    }
}
