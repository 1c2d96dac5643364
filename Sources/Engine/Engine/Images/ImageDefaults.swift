// SPDX-License-Identifier: Apache-2.0
// The defaults an image gives its containers, as the API's type.
import DockerAPI
import JSON
import OCI
import Primitives

/// Reads `config` of an image's configuration: the documents carry Docker's own field names.
enum ImageDefaults {
    static func read(_ configuration: ImageConfiguration) throws -> ContainerConfig {
        try context("configuration of the image") {
            try WireJSON.decode(
                ContainerConfig.self, from: JSONValue.object(configuration.config).serialize())
        }
    }
}
