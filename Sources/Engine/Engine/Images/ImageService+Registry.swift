// SPDX-License-Identifier: Apache-2.0
// Images that come from and go to registries.
package import DockerAPI
import Primitives

extension ImageService {
    package func pull(_ options: ImagePullOptions, progress: ProgressSink) async throws {
        throw EngineError.notImplemented("pull is not supported yet")
    }

    package func push(_ options: ImagePushOptions, progress: ProgressSink) async throws {
        throw EngineError.notImplemented("push is not supported yet")
    }

    func reload(_ configuration: DaemonConfiguration) {}
}
