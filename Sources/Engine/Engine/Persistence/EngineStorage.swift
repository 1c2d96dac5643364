// SPDX-License-Identifier: Apache-2.0
// Storage in the words of containers: the image, the writable layer and the volumes of one.
import AsyncSystem
import DockerAPI
import OCI
import Primitives
import Storage
import Tasks

/// An image as a container needs it.
struct ImageFacts: Sendable {
    var id: String
    var config: ContainerConfig
}

/// Joins images, layers and volumes; every call runs on a thread that may block.
struct EngineStorage: Sendable {
    let images: ImageStore
    let volumes: VolumeStore
    /// An empty folder of ours.
    let temporaryFolder: String

    func image(_ reference: String) async throws -> ImageFacts {
        try await Blocking.run {
            do {
                let image = try images.resolve(reference)
                return ImageFacts(id: image.id.description, config: try ImageDefaults.read(image.configuration))
            } catch let error as EngineError where error.kind == .notFound {
                throw ImageErrors.notFound(reference)
            }
        }
    }

    func prepareSnapshot(_ id: String, imageID: String) async throws {
        try await Blocking.run {
            let image = try images.get(try Digest(parsing: imageID))
            try images.layers.prepare(id, above: image.configuration.diffIDs)
        }
    }

    /// In an undo step, where nobody could act on a failure.
    func removeSnapshot(_ id: String) async { try? await deleteSnapshot(id) }

    func deleteSnapshot(_ id: String) async throws { try await Blocking.run { try images.layers.remove(id) } }

    /// Removes writable layers of containers that no longer exist, and folders nobody speaks of.
    func removeSnapshots(notIn kept: Set<String>) async throws {
        try await Blocking.run {
            for key in try images.layers.keys() where !kept.contains(key) { try images.layers.remove(key) }
            try images.layers.removeOrphans()
        }
    }

    func rootFilesystem(_ id: String) async throws -> Tasks.RootFilesystem {
        try await Blocking.run {
            let root = try images.layers.rootFilesystem(id)
            return .overlay(layers: root.layers, upper: root.upper, work: root.work)
        }
    }

    /// Bytes of the writable layer alone, and with the image's layers.
    func sizes(_ id: String, imageID: String) async throws -> (writable: Int64, total: Int64) {
        try await Blocking.run {
            let writable = images.layers.usage(id)
            // The image may have been removed by force.
            let image = try? images.get(try Digest(parsing: imageID))
            return (writable, writable + (image?.size ?? 0))
        }
    }

    func ensureVolume(
        _ name: String, isAnonymous: Bool, options: MountVolumeOptions?
    ) async throws -> (mountpoint: String, isNew: Bool) {
        if let driver = options?.driverConfig, !(driver.options ?? [:]).isEmpty {
            throw EngineError.notImplemented("VolumeOptions.DriverConfig.Options is not supported yet")
        }
        let labels = options?.labels ?? [:]
        return try await Blocking.run {
            let made = try volumes.create(name, labels: labels, isAnonymous: isAnonymous)
            return (made.volume.mountpoint, made.isNew)
        }
    }

    func removeVolume(_ name: String) async throws { try await Blocking.run { try volumes.remove(name) } }

    /// In an undo step, where nobody could act on a failure.
    func removeVolumeQuietly(_ name: String) async { try? await removeVolume(name) }

    /// Fills an empty volume with the image's files at `path`.
    func copyUp(volume: String, from root: Tasks.RootFilesystem, path: String) async throws {
        guard case .overlay(let layers, _, _) = root else { return }
        let name = volume
        try await Blocking.onOwnThread {
            try volumes.copyUp(into: name, from: layers, path: path, staging: temporaryFolder)
        }
    }
}
