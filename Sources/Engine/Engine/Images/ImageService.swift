// SPDX-License-Identifier: Apache-2.0
// Images: transfer, names, deletion. Each verb lives in its own file beside this one.
import AsyncSystem
import DockerAPI
import Logging
import OCI
import Primitives
import Storage
import Synchronization

/// Everything that can be done with images. Errors before the first line of progress are thrown as they are: the request's
/// status is still open then.
package final class ImageService: Sendable {
    let drivers: ImageDrivers
    let events: EventService
    let logger: Logger
    /// The containers, for the rules of deletion; set once, when the engine is put together.
    private let users = Mutex<(@Sendable () -> [ContainerRecord])>({ [] })

    init(drivers: ImageDrivers, events: EventService, logger: Logger) {
        self.drivers = drivers
        self.events = events
        self.logger = logger
    }

    var store: ImageStore { drivers.images }

    func observe(containers: @escaping @Sendable () -> [ContainerRecord]) { users.withLock { $0 = containers } }

    /// Records of the containers made from an image.
    func containers(of id: String) -> [ContainerRecord] { users.withLock { $0 }().filter { $0.imageID == id } }

    /// An image by what the user called it.
    func find(_ name: String) async throws -> StoredImage {
        try await Blocking.run { [store] in
            do {
                return try store.resolve(name)
            } catch let error as EngineError where error.kind == .notFound {
                throw ImageErrors.notFound(name)
            }
        }
    }

    func announce(_ action: String, id: String, name: String, labels: [String: String] = [:]) {
        var attributes = labels
        attributes["name"] = name
        events.publish("image", action, id: id, attributes: attributes)
    }

    func storedImages() async throws -> [StoredImage] { try await Blocking.run { [store] in try store.list() } }

    func count() async throws -> Int { try await Blocking.run { [store] in try store.list().count } }
}
