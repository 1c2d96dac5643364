// SPDX-License-Identifier: Apache-2.0
// What a container takes on disk, and where its layers lie.
import DockerAPI
import Tasks

extension ContainerService {
    /// Bytes of the writable layer, and of it and the image together.
    func sizes(_ record: ContainerRecord) async throws -> (writable: Int64, total: Int64) {
        try await drivers.storage.sizes(record.id, imageID: record.imageID)
    }

    func graphDriver(_ record: ContainerRecord) async throws -> GraphDriverData {
        var view = GraphDriverData()
        view.name = "overlay2"
        guard case .overlay(let layers, let upper, let work) = try await drivers.storage.rootFilesystem(record.id)
        else {
            return view
        }
        var data = ["LowerDir": layers.joined(separator: ":")]
        if let upper { data["UpperDir"] = upper }
        if let work { data["WorkDir"] = work }
        // Mounted in the container's own mount namespace only: there is no merged folder on the host.
        data["ID"] = record.id
        view.data = data
        return view
    }
}
