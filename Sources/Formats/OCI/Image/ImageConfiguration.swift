// SPDX-License-Identifier: Apache-2.0
// The configuration document of an image (image-spec, config.md, with Docker's additions).
package import JSON
package import Primitives

/// What an image says about itself. Fields of `config` that have no property here stay reachable through `config`.
package struct ImageConfiguration: Sendable {
    /// One step of the image's making.
    package struct History: Sendable {
        package var created: String
        package var createdBy: String
        package var comment: String
        package var author: String
        package var isEmptyLayer: Bool

        package init(
            created: String, createdBy: String, comment: String = "", author: String = "", isEmptyLayer: Bool = false
        ) {
            self.created = created
            self.createdBy = createdBy
            self.comment = comment
            self.author = author
            self.isEmptyLayer = isEmptyLayer
        }
    }

    package var platform: ImagePlatform
    package var created: String
    package var author: String
    package var comment: String
    package var dockerVersion: String
    /// Digests of the plain tars, lowest layer first.
    package var diffIDs: [Digest]
    package var history: [History]
    /// The `config` object: defaults for containers, in Docker's own field names.
    package var config: JSONObject

    package init(
        platform: ImagePlatform, created: String, diffIDs: [Digest], config: JSONObject = [:], history: [History] = []
    ) {
        self.platform = platform
        self.created = created
        self.diffIDs = diffIDs
        self.config = config
        self.history = history
        author = ""
        comment = ""
        dockerVersion = ""
    }

    package init(parsing bytes: [UInt8]) throws(EngineError) {
        let json = try parseDocument(bytes, "image configuration")
        guard let list = json["rootfs"]?["diff_ids"], let ids = list.strings, ids.count == list.array?.count else {
            throw .invalidArgument("invalid image configuration: rootfs missing")
        }
        diffIDs = []
        for id in ids { diffIDs.append(try Digest(parsing: id)) }
        platform = ImagePlatform(
            os: json["os"]?.string ?? "linux", architecture: json["architecture"]?.string ?? "",
            variant: json["variant"]?.string ?? "")
        created = json["created"]?.string ?? ""
        author = json["author"]?.string ?? ""
        comment = json["comment"]?.string ?? ""
        dockerVersion = json["docker_version"]?.string ?? ""
        config = json["config"]?.object ?? [:]
        history = (json["history"]?.array ?? []).map { entry in
            History(
                created: entry["created"]?.string ?? "", createdBy: entry["created_by"]?.string ?? "",
                comment: entry["comment"]?.string ?? "", author: entry["author"]?.string ?? "",
                isEmptyLayer: entry["empty_layer"]?.bool ?? false)
        }
    }

    package var json: JSONValue {
        var object: JSONObject = [
            "created": .string(created), "architecture": .string(platform.architecture), "os": .string(platform.os),
        ]
        if !platform.variant.isEmpty { object["variant"] = .string(platform.variant) }
        if !author.isEmpty { object["author"] = .string(author) }
        if !comment.isEmpty { object["comment"] = .string(comment) }
        object["config"] = .object(config)
        object["rootfs"] = ["type": "layers", "diff_ids": .array(diffIDs.map { .string($0.description) })]
        object["history"] = .array(history.map(Self.json))
        return .object(object)
    }

    private static func json(_ entry: History) -> JSONValue {
        var object: JSONObject = ["created": .string(entry.created), "created_by": .string(entry.createdBy)]
        if !entry.comment.isEmpty { object["comment"] = .string(entry.comment) }
        if !entry.author.isEmpty { object["author"] = .string(entry.author) }
        if entry.isEmptyLayer { object["empty_layer"] = true }
        return .object(object)
    }
}
