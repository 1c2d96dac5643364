// SPDX-License-Identifier: Apache-2.0
// Checking credentials with a registry.
package import DockerAPI
import Primitives

extension SystemService {
    package func authenticate(_ credentials: AuthConfig) async throws -> AuthResponse {
        throw EngineError.notImplemented("login is not supported yet")
    }
}
