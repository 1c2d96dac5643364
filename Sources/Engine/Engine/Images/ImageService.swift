// SPDX-License-Identifier: Apache-2.0
// Images: transfer, names, deletion.
package import DockerAPI

/// Everything that can be done with images. Errors before the first line of progress are thrown as they are: the request's
/// status is still open then.
package final class ImageService: Sendable {
    package init() {}
}

extension ImageService {
    package func pull(_ options: ImagePullOptions, progress: ProgressSink) async throws { todo() }
    package func push(_ options: ImagePushOptions, progress: ProgressSink) async throws { todo() }
    package func importImage(_ options: ImageImportOptions, from body: ByteSource, progress: ProgressSink) async throws { todo() }
    package func load(from body: ByteSource, quiet: Bool, platform: String, progress: ProgressSink) async throws { todo() }
    /// Looks the names up first (a missing one throws before a byte is written), then writes the archive.
    package func save(_ names: [String], platform: String, to sink: ByteSink) async throws { todo() }
    package func list(_ options: ImageListOptions) async throws -> [ImageSummary] { todo() }
    package func inspect(_ name: String) async throws -> ImageInspect { todo() }
    package func history(_ name: String) async throws -> [ImageHistoryItem] { todo() }
    package func tag(_ name: String, repository: String, tag: String) async throws { todo() }
    package func delete(_ name: String, force: Bool, prune: Bool) async throws -> [ImageDeleteItem] { todo() }
    package func prune(_ filters: Filters) async throws -> ImagePruneResponse { todo() }
}
