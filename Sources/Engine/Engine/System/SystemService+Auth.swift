// SPDX-License-Identifier: Apache-2.0
// Checking credentials with a registry.
import Distribution
package import DockerAPI
import Primitives

extension SystemService {
    package func authenticate(_ credentials: AuthConfig) async throws -> AuthResponse {
        try await images.drivers.registries.verify(
            ImageService.credentials(credentials), registry: credentials.serveraddress ?? "")
        var answer = AuthResponse()
        answer.status = "Login Succeeded"
        return answer
    }
}
