import Distribution
// SPDX-License-Identifier: Apache-2.0
// Images that come from and go to registries.
import DockerAPI
import OCI
import Primitives
import Storage

extension ImageService {
    package func pull(_ options: ImagePullOptions, progress: @escaping ProgressSink) async throws {
        let name = options.fromImage
        var text = name
        if !options.tag.isEmpty {
            // A digest stands where a tag would.
            text += (options.tag.contains(":") ? "@" : ":") + options.tag
        }
        let reference = try ImageReference(parsing: text)
        let platform = options.platform.isEmpty ? ImagePlatform.host : try ImagePlatform(parsing: options.platform)
        let image = try await drivers.registries.pull(
            reference, platform: platform, credentials: Self.credentials(options.auth)
        ) { event in
            try await progress(Self.message(event))
        }
        let familiar = reference.tagged.familiar
        announce("pull", id: familiar, name: familiar, labels: Self.labels(image) ?? [:])
    }

    package func push(_ options: ImagePushOptions, progress: @escaping ProgressSink) async throws {
        if !options.platform.isEmpty { throw EngineError.notImplemented("platform of push is not supported yet") }
        let text = options.tag.isEmpty ? options.name : "\(options.name):\(options.tag)"
        let named = try ImageReference(parsing: text)
        guard named.digest == nil else {
            throw EngineError.invalidArgument("cannot push a digest reference")
        }
        // Without a tag every tag of the repository goes.
        let all = try await listOfTags(named)
        guard !all.isEmpty else {
            // The head of the answer is open still, but Docker answers 200 and tells it in the stream.
            var line = ProgressMessage()
            line.status = "The push refers to repository [\(named.repository)]"
            try await progress(line)
            throw EngineError.notFound("An image does not exist locally with the tag: \(named.familiarName)")
        }
        for (reference, image) in all {
            try await drivers.registries.push(image, to: reference, credentials: Self.credentials(options.auth)) {
                event in
                try await progress(Self.message(event))
            }
            announce("push", id: reference.familiar, name: reference.familiar, labels: Self.labels(image) ?? [:])
        }
    }

    private func listOfTags(_ named: ImageReference) async throws -> [(ImageReference, StoredImage)] {
        var result: [(ImageReference, StoredImage)] = []
        for image in try await storedImages() {
            for tag in image.tags where tag.repository == named.repository {
                if named.tag == nil || named.tag == tag.tag { result.append((tag, image)) }
            }
        }
        return result
    }

    static func credentials(_ auth: AuthConfig?) -> Credentials {
        guard let auth else { return Credentials() }
        var username = auth.username ?? ""
        var password = auth.password ?? ""
        if username.isEmpty, let pair = auth.auth.flatMap(Base64Text.decode) {
            username = String(pair.prefix { $0 != ":" })
            password = String(pair.dropFirst(username.count + 1))
        }
        return Credentials(
            username: username, password: password, identityToken: auth.identitytoken ?? "",
            registryToken: auth.registrytoken ?? "")
    }

    private static func message(_ event: TransferEvent) -> ProgressMessage {
        var line = ProgressMessage()
        switch event {
        case .status(let id, let text):
            line.status = text
            line.id = id
            if id != nil { line.progressDetail = ProgressDetail() }
        case .progress(let id, let text, let current, let total):
            line.status = text
            line.id = id
            var detail = ProgressDetail()
            detail.current = current
            detail.total = total
            line.progressDetail = detail
            line.progress = ProgressBar.text(current: current, total: total)
        case .pushed(let tag, let digest, let size):
            var aux = ProgressAux()
            aux.tag = tag
            aux.digest = digest
            aux.size = size
            line.progressDetail = ProgressDetail()
            line.aux = aux
        }
        return line
    }
}
