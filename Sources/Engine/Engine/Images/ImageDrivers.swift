// SPDX-License-Identifier: Apache-2.0
// What images are kept by and come through.
import Distribution
import Storage

/// Stores and transfers of images.
struct ImageDrivers: Sendable {
    let images: ImageStore
    let registries: Registries
}
