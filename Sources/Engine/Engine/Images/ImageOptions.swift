// SPDX-License-Identifier: Apache-2.0
// Parameters of the image requests.
package import DockerAPI

/// Takes the lines of a progress stream; suspends while the client is slow.
package typealias ProgressSink = @Sendable (ProgressMessage) async throws -> Void

/// Parameters of `POST /images/create?fromImage=`.
package struct ImagePullOptions: Sendable {
    package var fromImage = ""
    /// A tag or a digest; empty when it is part of `fromImage`.
    package var tag = ""
    package var platform = ""
    package var auth: AuthConfig?

    package init() {}
}

/// Parameters of `POST /images/{name}/push`.
package struct ImagePushOptions: Sendable {
    package var name = ""
    package var tag = ""
    package var platform = ""
    package var auth: AuthConfig?

    package init() {}
}

/// Parameters of `POST /images/create?fromSrc=`.
package struct ImageImportOptions: Sendable {
    /// `-` for the request body; anything else is a URL, which is refused.
    package var source = "-"
    package var repository = ""
    package var tag = ""
    package var message = ""
    package var changes: [String] = []
    package var platform = ""

    package init() {}
}

/// Parameters of `GET /images/json`.
package struct ImageListOptions: Sendable {
    package var all = false
    package var filters = Filters()
    package var sharedSize = false
    package var digests = false

    package init() {}
}
