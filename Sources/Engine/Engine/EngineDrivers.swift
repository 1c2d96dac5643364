// SPDX-License-Identifier: Apache-2.0
// The mechanisms the services decide over.
import Networking
import Tasks

/// One of each seam.
struct EngineDrivers: Sendable {
    let tasks: any TaskDriver
    let networks: NetworkStack
    let specs: SpecFactory
    let storage: EngineStorage
}
