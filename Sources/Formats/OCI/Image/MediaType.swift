// SPDX-License-Identifier: Apache-2.0
// The media types of images, in OCI's and in Docker's words (image-spec, media-types.md).

/// Names of the documents and layers an image is made of.
package enum MediaType {
    package static let ociIndex = "application/vnd.oci.image.index.v1+json"
    package static let ociManifest = "application/vnd.oci.image.manifest.v1+json"
    package static let ociConfig = "application/vnd.oci.image.config.v1+json"
    package static let ociLayer = "application/vnd.oci.image.layer.v1.tar"
    package static let ociLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip"
    package static let dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"
    package static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
    package static let dockerSchema1 = "application/vnd.docker.distribution.manifest.v1+json"
    package static let dockerSchema1Signed = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    package static let dockerConfig = "application/vnd.docker.container.image.v1+json"

    package static func isIndex(_ type: String) -> Bool { type == ociIndex || type == dockerList }
    package static func isManifest(_ type: String) -> Bool { type == ociManifest || type == dockerManifest }
    package static func isSchema1(_ type: String) -> Bool { type == dockerSchema1 || type == dockerSchema1Signed }

    /// A layer that can be unpacked: a tar, plain or compressed.
    package static func isLayer(_ type: String) -> Bool {
        type.hasPrefix(ociLayer) || type.hasPrefix("application/vnd.docker.image.rootfs.diff.tar")
            || type.hasPrefix("application/vnd.oci.image.layer.nondistributable.v1.tar")
    }
}
