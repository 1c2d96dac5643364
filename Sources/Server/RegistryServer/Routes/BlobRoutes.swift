// SPDX-License-Identifier: Apache-2.0
// `/v2/<name>/blobs/<digest>`: look up, fetch whole or in part, delete.
import AsyncSystem
import HTTP
import Primitives

enum BlobRoutes {
    static func serve(_ call: RegistryCall, _ repository: RepositoryName, _ text: String) async throws {
        guard let digest = try? Digest(parsing: text) else {
            throw Refusal.digestInvalid("invalid digest: \(text.prefix(200))")
        }
        switch call.request.method {
        case "GET", "HEAD":
            try await call.require([.pull], repository)
            try await fetch(call, repository, digest)
        case "DELETE":
            try await call.require([.delete], repository)
            try call.requireWritable()
            let store = call.store
            guard try await Blocking.run({ try store.removeBlob(repository, digest) }) else {
                throw Refusal.blobUnknown(digest)
            }
            try await call.responder.send(202)
        default: throw call.refuseMethod(allowing: "GET, HEAD, DELETE")
        }
    }

    private static func fetch(_ call: RegistryCall, _ repository: RepositoryName, _ digest: Digest) async throws {
        let store = call.store
        if let blob = try await Blocking.run({ try store.openBlob(repository, digest) }) {
            return try await send(call, blob, digest)
        }
        guard let upstream = call.context.upstream else { throw Refusal.blobUnknown(digest) }
        guard let blob = try await upstream.blob(call, repository, digest, headers: headers(digest)) else { return }
        try await send(call, blob, digest)
    }

    static func headers(_ digest: Digest) -> [(String, String)] {
        [
            ("Content-Type", "application/octet-stream"), ("Docker-Content-Digest", digest.description),
            ("ETag", "\"\(digest)\""), ("Accept-Ranges", "bytes"), ("Cache-Control", "max-age=31536000"),
        ]
    }

    private static func send(_ call: RegistryCall, _ blob: RegistryStore.OpenBlob, _ digest: Digest) async throws {
        var headers = headers(digest)
        if EntityTag.matches(call.request, digest) { return try await call.responder.send(304, headers) }
        var range = 0..<blob.size
        var status = 200
        switch ByteRange.wanted(call.request, size: blob.size, digest) {
        case .whole: break
        case .part(let part):
            range = part
            status = 206
            headers.append(("Content-Range", "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(blob.size)"))
        case .unsatisfiable:
            throw Refusal(
                416, .sizeInvalid, "the range is not in the blob", headers: [("Content-Range", "bytes */\(blob.size)")])
        }
        try await call.responder.stream(status, headers, length: range.upperBound - range.lowerBound)
        if call.request.method == "HEAD" { return }
        var offset = range.lowerBound
        while offset < range.upperBound {
            let start = offset
            let count = Int(min(512 << 10, range.upperBound - start))
            let bytes = try await Blocking.run { try blob.read(at: start, count: count) }
            guard !bytes.isEmpty else { throw EngineError.internalError("blob \(digest) ends too early") }
            try await call.responder.write(bytes)
            offset += Int64(bytes.count)
            call.context.metrics.countSent(bytes.count)
        }
    }
}

/// `If-None-Match` (RFC 9110, 13.1.2): what a digest names never changes.
enum EntityTag {
    static func matches(_ request: HTTPRequest, _ digest: Digest) -> Bool {
        request.headers.all("If-None-Match").contains { value in
            value.split(separator: ",").contains { tag in
                let tag = tag.filter { $0 != " " && $0 != "\t" }
                return tag == "*" || tag == "\"\(digest)\"" || tag == "W/\"\(digest)\"" || tag == digest.description
            }
        }
    }
}

/// `Range` (RFC 9110, 14.2). Several ranges at once are answered with the whole, as the RFC allows.
enum ByteRange: Equatable {
    case whole
    case part(Range<Int64>)
    case unsatisfiable

    static func wanted(_ request: HTTPRequest, size: Int64, _ digest: Digest) -> ByteRange {
        guard let header = request.headers["Range"] else { return .whole }
        if let condition = request.headers["If-Range"], condition != "\"\(digest)\"" { return .whole }
        return parse(header, size: size)
    }

    static func parse(_ header: String, size: Int64) -> ByteRange {
        guard header.hasPrefix("bytes="), !header.contains(",") else { return .whole }
        let parts = header.dropFirst("bytes=".count).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }) else {
            return .whole
        }
        if parts[0].isEmpty {
            guard let length = Int64(parts[1]) else { return .whole }
            return length == 0 || size == 0 ? .unsatisfiable : .part(max(0, size - length)..<size)
        }
        guard let first = Int64(parts[0]) else { return .unsatisfiable }
        guard first < size else { return .unsatisfiable }
        if parts[1].isEmpty { return .part(first..<size) }
        guard let last = Int64(parts[1]) else { return .part(first..<size) }
        guard last >= first else { return .unsatisfiable }
        return .part(first..<min(size, last + 1))
    }
}
