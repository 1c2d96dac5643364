// SPDX-License-Identifier: Apache-2.0
// The lines of the progress stream of pull, push, load and import.

/// One line of a progress stream; which fields are set decides what it says.
package struct ProgressMessage: Codable, Sendable, Equatable {
    package var status: String?
    package var stream: String?
    package var progressDetail: ProgressDetail?
    package var progress: String?
    package var id: String?
    package var errorDetail: ProgressError?
    package var error: String?
    package var aux: ProgressAux?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case status, stream, progressDetail, progress, id, errorDetail, error, aux
    }
}

/// How far a transfer is.
package struct ProgressDetail: Codable, Sendable, Equatable {
    package var current: Int64?
    package var total: Int64?
    package var hidecounts: Bool?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case current, total, hidecounts
    }
}

/// The error that ended a stream.
package struct ProgressError: Codable, Sendable, Equatable {
    package var code: Int?
    @Wire package var message: String = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case code, message
    }
}

/// Machine readable results inside a progress stream.
package struct ProgressAux: Codable, Sendable, Equatable {
    package var tag: String?
    package var digest: String?
    package var size: Int64?
    package var id: String?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case tag = "Tag", digest = "Digest", size = "Size", id = "ID"
    }
}

/// Credentials of a registry, as in the header X-Registry-Auth.
package struct AuthConfig: Codable, Sendable, Equatable {
    package var username: String?
    package var password: String?
    package var auth: String?
    package var email: String?
    package var serveraddress: String?
    package var identitytoken: String?
    package var registrytoken: String?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case username, password, auth, email, serveraddress, identitytoken, registrytoken
    }
}

/// Answer of `POST /auth`.
package struct AuthResponse: Codable, Sendable, Equatable {
    @Wire package var status: String = ""
    @Wire package var identityToken: String = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case status = "Status", identityToken = "IdentityToken"
    }
}
